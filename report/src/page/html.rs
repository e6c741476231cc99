//! Small pieces of HTML: escaped text, tables, bars.

use std::fmt::Write;

/// Returns text escaped for HTML, for elements and for attributes.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => html += "&amp;",
            '<' => html += "&lt;",
            '>' => html += "&gt;",
            '"' => html += "&quot;",
            other => html.push(other),
        }
    }
    html
}

/// Returns a table of names and values.
#[must_use]
pub fn table(caption: &str, rows: &[(String, String)]) -> String {
    let mut html = format!("<table>\n<caption>{}</caption>\n", escaped(caption));
    for (name, value) in rows {
        let (name, value) = (escaped(name), escaped(value));
        let _ = writeln!(
            html,
            "<tr><th scope=\"row\">{name}</th><td>{value}</td></tr>"
        );
    }
    html + "</table>\n"
}

/// One bar of a bar chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// The thing that the bar stands for.
    pub name: String,
    /// Its amount, in words.
    pub value: String,
    /// Its length, from 0 to 1.
    pub length: f64,
}

/// Returns a bar chart, which is a table to a screen reader.
#[must_use]
pub fn bars(caption: &str, class: &str, bars: &[Bar]) -> String {
    let mut html = format!(
        "<table class=\"bars\">\n<caption>{}</caption>\n",
        escaped(caption)
    );
    for Bar {
        name,
        value,
        length,
    } in bars
    {
        let (name, value) = (escaped(name), escaped(value));
        let percent = (length.clamp(0.0, 1.0) * 10_000.0).round() / 100.0;
        let _ = writeln!(
            html,
            "<tr><th scope=\"row\">{name}</th><td class=\"bar\"><svg role=\"img\" \
             aria-label=\"{name}: {value}\"><title>{name}: {value}</title><rect class=\"track\" \
             width=\"100%\" height=\"100%\"/><rect class=\"{class}\" width=\"{percent}%\" \
             height=\"100%\"/></svg></td><td>{value}</td></tr>"
        );
    }
    html + "</table>\n"
}

/// Returns a strip of thin bars without names, from `first` to `last`, which says in words what it
/// shows.
#[must_use]
pub fn strip(class: &str, shows: &str, lengths: &[f64], [first, last]: [&str; 2]) -> String {
    let mut path = String::new();
    for (place, length) in lengths.iter().enumerate() {
        let top = ((1.0 - length.clamp(0.0, 1.0)) * 100.0).round();
        let _ = write!(path, "M{place} 100V{top}h.8V100z");
    }
    let count = lengths.len();
    let (shows, first, last) = (escaped(shows), escaped(first), escaped(last));
    format!(
        "<div class=\"strip\"><svg role=\"img\" aria-label=\"{shows}\" viewBox=\"0 0 {count} 100\" \
         preserveAspectRatio=\"none\"><title>{shows}</title><rect class=\"track\" width=\"{count}\" \
         height=\"100\"/><path class=\"{class}\" d=\"{path}\"/></svg>\n\
         <p class=\"ends\"><span>{first}</span><span>{last}</span></p></div>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_name_holds_becomes_markup() {
        let rows = [("<b>".to_owned(), "\"a\" & 'b'".to_owned())];
        let html = table("x", &rows);
        assert!(html.contains("<th scope=\"row\">&lt;b&gt;</th><td>&quot;a&quot; &amp; 'b'</td>"));
    }

    #[test]
    fn a_strip_has_a_bar_for_each() {
        let html = strip("second", "<3>", &[0.0, 0.5, 2.0], ["a", "b"]);
        assert!(
            html.contains("d=\"M0 100V100h.8V100zM1 100V50h.8V100zM2 100V0h.8V100z\""),
            "{html}"
        );
        assert!(html.contains("aria-label=\"&lt;3&gt;\""), "{html}");
        assert!(html.contains("<span>a</span><span>b</span>"), "{html}");
    }

    #[test]
    fn bars_are_as_long_as_they_should_be() {
        let bar = |length| Bar {
            name: "n".to_owned(),
            value: "v".to_owned(),
            length,
        };
        let html = bars("x", "first", &[bar(0.123_456), bar(2.0)]);
        assert!(html.contains("class=\"first\" width=\"12.35%\""), "{html}");
        assert!(html.contains("class=\"first\" width=\"100%\""));
    }
}
