//! What every page is: one HTML file with a head, panels, and the names of those that are left out.

use std::fmt::Write;

use super::html::escaped;
use super::sections;

const STYLE: &str = include_str!("style.css");

/// A part of a page.
pub enum Panel {
    /// The HTML of what is shown.
    Drawn(String),
    /// Left out for want of data.
    LeftOut {
        /// The name of what would be shown.
        name: String,
        /// The reason, as the end of a sentence.
        why: String,
    },
}

impl Panel {
    /// Makes a part that is left out.
    pub fn left_out(name: impl Into<String>, why: impl Into<String>) -> Self {
        Self::LeftOut {
            name: name.into(),
            why: why.into(),
        }
    }

    /// Returns its HTML; `None` if it is left out.
    pub fn html(&self) -> Option<&str> {
        match self {
            Self::Drawn(html) => Some(html),
            Self::LeftOut { .. } => None,
        }
    }
}

/// A page but for its panels.
pub struct Document {
    /// What tells it from others.
    pub title: String,
    /// The lines of what it says, the verdict first.
    pub lines: Vec<String>,
    /// The HTML of the numbers that are looked for first.
    pub tiles: String,
    /// The names of what it shows, by which a page with more is not replaced.
    pub sections: Vec<&'static str>,
    /// What it was drawn by and from.
    pub origin: String,
}

impl Document {
    /// Returns the page with this HTML as its panels.
    pub fn html(&self, panels: &str) -> String {
        let Self {
            title,
            lines,
            tiles,
            sections,
            origin,
        } = self;
        // A number and its % stay on one line.
        let mut lines = lines.iter().map(|line| line.replace(" %", "\u{a0}%"));
        let mut page = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
             style-src 'unsafe-inline'; img-src data:\">\n\
             <link rel=\"icon\" href=\"data:,\">\n{}<title>{title}</title>\n<style>\n{STYLE}</style>\n\
             </head>\n<body>\n<header>\n<p class=\"eyebrow\">{title}</p>\n<h1>{}</h1>\n{tiles}",
            sections::meta(sections.iter().copied()),
            escaped(&lines.next().unwrap_or_default()),
            title = escaped(title),
        );
        let mut lines = lines.peekable();
        if lines.peek().is_some() {
            page += "<ul class=\"words\">\n";
            for line in lines {
                let _ = writeln!(page, "<li>{}</li>", escaped(&line));
            }
            page += "</ul>\n";
        }
        let _ = write!(
            page,
            "</header>\n<main>\n{panels}</main>\n<footer><p>{}</p></footer>\n</body>\n</html>\n",
            escaped(origin)
        );
        page
    }
}

/// Returns the panel that names what is left out, if anything is.
pub fn left_out<'p>(panels: impl Iterator<Item = &'p Panel>) -> String {
    let mut items = String::new();
    for panel in panels {
        if let Panel::LeftOut { name, why } = panel {
            let (name, why) = (escaped(name), escaped(why));
            let _ = writeln!(items, "<li><strong>{name}</strong>: {why}.</li>");
        }
    }
    if items.is_empty() {
        return String::new();
    }
    format!(
        "<section id=\"left-out\" class=\"wide\">\n<h2>Not on this page</h2>\n<ul>\n{items}</ul>\n\
         </section>\n"
    )
}
