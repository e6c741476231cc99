//! Looks into a page.

/// Returns the reason that the page gives for leaving out the panel of this name.
pub fn why_left_out<'p>(page: &'p str, name: &str) -> &'p str {
    let begin = format!("<strong>{name}</strong>: ");
    let at = page
        .find(&begin)
        .unwrap_or_else(|| panic!("{name} is not left out"));
    let rest = &page[at + begin.len()..];
    &rest[..rest.find("</li>").unwrap()]
}

/// Checks that the page is well-formed as XML, but for the tags that HTML leaves open.
pub fn check_structure(page: &str) {
    let mut open = Vec::new();
    let body = page.split_once("<body>").unwrap().1;
    let body = body.split_once("</body>").unwrap().0;
    for tag in body.split('<').skip(1) {
        let tag = tag.split_once('>').expect("every tag ends").0;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "{tag}");
        } else if !tag.ends_with('/') {
            open.push(tag.split(' ').next().unwrap());
        }
    }
    assert_eq!(open, [""; 0]);
    // Nothing is fetched and nothing runs.
    for outside in ["http:", "https:", "<script", "src=", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    for number in ["NaN", "inf"] {
        assert!(!page.contains(&format!("{number}\"")) && !page.contains(&format!(" {number} ")));
    }
}
