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

/// Returns a part of the page with a title of its own.
#[must_use]
pub fn section(id: &str, title: &str, html: &str) -> String {
    let title = escaped(title);
    format!("<section id=\"{id}\">\n<h2>{title}</h2>\n{html}</section>\n")
}

/// Returns the same in the full width of the page.
#[must_use]
pub fn wide(id: &str, title: &str, html: &str) -> String {
    section(id, title, html).replacen("<section ", "<section class=\"wide\" ", 1)
}

/// Returns what is folded until it is asked for.
#[must_use]
pub fn details(name: &str, html: &str) -> String {
    let name = escaped(name);
    format!("<details>\n<summary>{name}</summary>\n{html}</details>\n")
}

/// Returns a sentence below what it is about.
#[must_use]
pub fn note(text: &str) -> String {
    format!("<p class=\"note\">{}</p>\n", escaped(text))
}

/// A number that is looked for first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tile {
    /// What it is.
    pub name: String,
    /// The number.
    pub value: String,
    /// What is to be said of it, if anything.
    pub about: String,
}

/// Returns the numbers that are looked for first, side by side.
#[must_use]
pub fn tiles(tiles: &[Tile]) -> String {
    let mut html = String::from("<dl class=\"tiles\">\n");
    for Tile { name, value, about } in tiles {
        let (name, value) = (escaped(name), escaped(value));
        let about = match about.as_str() {
            "" => String::new(),
            about => format!("<dd class=\"about\">{}</dd>", escaped(about)),
        };
        let _ = writeln!(html, "<div><dt>{name}</dt><dd>{value}</dd>{about}</div>");
    }
    html + "</dl>\n"
}

/// Returns a table with a row for each thing, whose first column names it. Where there is little room
/// each row is a list, in which every value has its column's name beside it.
#[must_use]
pub fn grid<const N: usize>(caption: &str, headings: [&str; N], rows: &[[String; N]]) -> String {
    let headings = headings.map(escaped);
    let mut html = format!(
        "<table class=\"grid\">\n<caption>{}</caption>\n<thead><tr>",
        escaped(caption)
    );
    for heading in &headings {
        let _ = write!(html, "<th scope=\"col\">{heading}</th>");
    }
    html += "</tr></thead>\n<tbody>\n";
    for row in rows {
        html += "<tr>";
        for (column, (cell, heading)) in row.iter().zip(&headings).enumerate() {
            // A number and its % stay on one line.
            let cell = escaped(cell).replace(" %", "\u{a0}%");
            let _ = match column {
                0 => write!(html, "<th scope=\"row\">{cell}</th>"),
                _ => write!(html, "<td data-name=\"{heading}\">{cell}</td>"),
            };
        }
        html += "</tr>\n";
    }
    html + "</tbody>\n</table>\n"
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
