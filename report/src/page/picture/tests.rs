use super::*;

fn picture(width: f64) -> Picture<'static> {
    let axis = |most| Axis::from_zero(most, |value| value.to_string());
    Picture::new("p", "A <title>", "units", axis(width), axis(10.0), width)
}

#[test]
fn stairs_have_a_step_for_each_column() {
    let mut drawn = picture(4.5);
    let means = [10.0, 10.0, 0.0, 5.0, 5.0];
    drawn.columns(Pen::First, "n", means.iter().map(|mean| Some([*mean; 3])));
    let [line] = &drawn.lines[..] else {
        panic!("{drawn:?}")
    };
    assert_eq!(line.path, "M0 0H2V1000H3V500H4.50");
}

#[test]
fn a_band_goes_from_the_least_to_the_most() {
    let mut drawn = picture(3.0);
    let columns = [[4.0, 5.0, 6.0], [4.0, 5.0, 10.0], [0.0, 5.0, 6.0]];
    drawn.columns(Pen::Loss, "n", columns.into_iter().map(Some));
    let ([band], [line]) = (&drawn.bands[..], &drawn.lines[..]) else {
        panic!("{drawn:?}")
    };
    assert_eq!(band.path, "M0 400H1V0H2V400H3V1000H2V600H0z");
    assert_eq!(line.path, "M0 500H3");
}

#[test]
fn where_there_is_nothing_the_line_is_broken() {
    let mut drawn = picture(4.0);
    let columns = [None, Some([5.0; 3]), None, Some([10.0; 3])];
    drawn.columns(Pen::Loss, "n", columns.into_iter());
    assert_eq!(drawn.lines[0].path, "M1 500H2M3 0H4");
}

#[test]
fn a_curve_is_broken_where_there_is_no_point() {
    let mut drawn = picture(4.0);
    let points = [Some((0.0, 10.0)), Some((1.0, 5.0)), None, Some((3.0, 0.0))];
    drawn.curve(Pen::First, "n", points.into_iter(), true);
    let paths: Vec<_> = drawn.lines.iter().map(|line| &line.path[..]).collect();
    assert_eq!(
        paths,
        ["M0.0 0L1.0 500M3.0 1000", "M0.0 0h0M1.0 500h0M3.0 1000h0"]
    );
}

#[test]
fn rings_have_holes_above_them() {
    let mut drawn = picture(4.0);
    drawn.rings(Pen::Loss, "n", std::iter::once((2.0, 5.0)));
    let html = drawn.html();
    let place =
        |class: &str| html.rfind(&format!("<path class=\"{class} loss\" d=\"M2.0 500h0\"/>"));
    assert!(place("ring").unwrap() < place("hole").unwrap(), "{html}");
}

#[test]
fn spans_go_from_top_to_bottom_and_whiskers_from_value_to_value() {
    let mut drawn = picture(4.0);
    drawn.spans(Pen::Quiet, "n", std::iter::once([1.0, 2.0]));
    drawn.whiskers(Pen::Quiet, std::iter::once((1.0, [2.0, 7.0])));
    assert_eq!(drawn.bands[0].path, "M1.00 0H2.00V1000H1.00z");
    assert_eq!(drawn.lines[0].path, "M1.0 800V300");
}

#[test]
fn marks_go_from_top_to_bottom() {
    let mut drawn = picture(4.0);
    drawn.mark(3.0);
    let html = drawn.html();
    assert!(
        html.contains("<path class=\"event\" d=\"M3.00 0V1000\"/>"),
        "{html}"
    );
}

#[test]
fn words_are_escaped_and_named() {
    let html = picture(1.0).html();
    assert!(
        html.contains("<title id=\"p-title\">A &lt;title&gt;</title>"),
        "{html}"
    );
    assert!(html.contains("aria-labelledby=\"p-title p-text\""));
}
