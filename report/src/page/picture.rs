//! Pictures: lines and bands over an axis, as SVG that takes any width.
//!
//! Promised: whatever the page's width, text keeps its size and lines their width, and a spike one
//! column wide stays visible; each picture says in words what it shows.

mod stairs;

use std::fmt::Write;

use self::stairs::{stairs, surround};
use super::axis::{Axis, Weight};
use super::html::escaped;

/// The height of a picture in its own units.
const HEIGHT: f64 = 1000.0;

/// A style of lines and bands: a class of the style sheet, told apart by colour and by stroke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pen {
    /// The style of packets sent, and of times from sending.
    First,
    /// The style of packets received, and of times from when packets were due.
    Second,
    /// The style of what is beside these two.
    Third,
    /// The style of what they are compared with.
    Quiet,
    /// The style of loss.
    Loss,
    /// The style of latencies over time.
    Latency,
}

impl Pen {
    const fn class(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Second => "second",
            Self::Third => "third",
            Self::Quiet => "quiet",
            Self::Loss => "loss",
            Self::Latency => "latency",
        }
    }
}

/// A line or a band, as a path in the picture's units.
#[derive(Debug)]
struct Shape {
    path: String,
    class: &'static str,
    pen: Pen,
}

/// What stands for a series in the legend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Line,
    /// A line amid a band.
    Band,
    Span,
    Dots,
    Rings,
}

/// A picture with a horizontal and a vertical axis.
#[derive(Debug)]
pub struct Picture<'a> {
    /// The name of the picture within the page.
    pub id: &'a str,
    /// A title of a few words.
    pub title: &'a str,
    /// The unit or meaning of the vertical axis.
    pub unit: &'a str,
    /// A description in words, for a screen reader.
    pub description: String,
    /// The sentences below the picture.
    pub note: String,
    x: Axis,
    y: Axis,
    width: f64,
    bands: Vec<Shape>,
    /// The lines, of which the first lies above the others.
    lines: Vec<Shape>,
    legend: Vec<(Pen, Key, &'a str)>,
    /// The marked places of the horizontal axis.
    marks: Vec<f64>,
}

impl<'a> Picture<'a> {
    /// Makes an empty picture, `width` of its own units wide.
    #[must_use]
    pub const fn new(
        id: &'a str,
        title: &'a str,
        unit: &'a str,
        x: Axis,
        y: Axis,
        width: f64,
    ) -> Self {
        Self {
            id,
            title,
            unit,
            description: String::new(),
            note: String::new(),
            x,
            y,
            width,
            bands: Vec::new(),
            lines: Vec::new(),
            legend: Vec::new(),
            marks: Vec::new(),
        }
    }

    /// Draws columns one unit wide, each a least, a mean and a most: a band from the least to the
    /// most, and a line at the mean. The last column ends at the picture's end; a column of `None`
    /// is a gap.
    pub fn columns(
        &mut self,
        pen: Pen,
        name: &'a str,
        columns: impl Iterator<Item = Option<[f64; 3]>>,
    ) {
        let (mut band, mut line) = (String::new(), String::new());
        let mut run: Vec<[i32; 3]> = Vec::new();
        let mut begin = 0;
        let mut has_width = false;
        let columns = columns.map(Some).chain([None]).enumerate();
        for (index, column) in columns {
            let heights = column
                .flatten()
                .map(|values| values.map(|value| self.height(value)));
            if let Some(heights) = heights {
                if run.is_empty() {
                    begin = index;
                }
                has_width |= heights[0] != heights[2];
                run.push(heights);
            } else if !run.is_empty() {
                let ends = |column: usize| ((begin + column + 1) as f64).min(self.width);
                stairs(&mut line, begin, run.iter().map(|heights| heights[1]), ends);
                surround(&mut band, begin, &run, ends);
                run.clear();
            }
        }
        if has_width {
            self.bands.push(Shape {
                path: band,
                class: "band",
                pen,
            });
        }
        self.lines.push(Shape {
            path: line,
            class: "line",
            pen,
        });
        let key = if has_width { Key::Band } else { Key::Line };
        self.legend.push((pen, key, name));
    }

    /// Draws a line through points in values of the axes: straight from marked point to marked
    /// point with `dots`, else in steps. A point of `None` is a gap.
    pub fn curve(
        &mut self,
        pen: Pen,
        name: &'a str,
        points: impl Iterator<Item = Option<(f64, f64)>>,
        dots: bool,
    ) {
        let mut path = String::new();
        let mut marks = String::new();
        let mut is_begin = true;
        for point in points {
            let Some((x, y)) = point.map(|point| self.at(point)) else {
                is_begin = true;
                continue;
            };
            let _ = match (is_begin, dots) {
                (true, _) => write!(path, "M{x:.1} {y}"),
                (_, true) => write!(path, "L{x:.1} {y}"),
                (_, false) => write!(path, "H{x:.1}V{y}"),
            };
            let _ = write!(marks, "M{x:.1} {y}h0");
            is_begin = false;
        }
        self.line(pen, "line", path);
        if dots {
            self.line(pen, "dots", marks);
        }
        self.legend.push((pen, Key::Line, name));
    }

    /// Draws a dot at each point in values of the axes.
    pub fn dots(&mut self, pen: Pen, name: &'a str, points: impl Iterator<Item = (f64, f64)>) {
        let path = self.path_of_dots(points);
        self.line(pen, "dots", path);
        self.legend.push((pen, Key::Dots, name));
    }

    /// Draws a ring about each point in values of the axes.
    pub fn rings(&mut self, pen: Pen, name: &'a str, points: impl Iterator<Item = (f64, f64)>) {
        let path = self.path_of_dots(points);
        // What is added later lies below, so a dot in the same place stands in its ring.
        self.line(pen, "hole", path.clone());
        self.line(pen, "ring", path);
        self.legend.push((pen, Key::Rings, name));
    }

    /// Draws lines straight up, each at a value of the horizontal axis and between two of the vertical
    /// one; they belong to a series that the legend has already.
    pub fn whiskers(&mut self, pen: Pen, lines: impl Iterator<Item = (f64, [f64; 2])>) {
        let mut path = String::new();
        for (x, ends) in lines {
            let [(x, low), (_, high)] = ends.map(|y| self.at((x, y)));
            let _ = write!(path, "M{x:.1} {low}V{high}");
        }
        self.line(pen, "whisker", path);
    }

    /// Draws bands from top to bottom, each between two values of the horizontal axis.
    pub fn spans(&mut self, pen: Pen, name: &'a str, spans: impl Iterator<Item = [f64; 2]>) {
        let mut path = String::new();
        for span in spans {
            let [from, to] = span.map(|x| self.x.place(x) * self.width);
            let _ = write!(path, "M{from:.2} 0H{to:.2}V{HEIGHT}H{from:.2}z");
        }
        self.bands.push(Shape {
            path,
            class: "band",
            pen,
        });
        self.legend.push((pen, Key::Span, name));
    }

    fn path_of_dots(&self, points: impl Iterator<Item = (f64, f64)>) -> String {
        let mut path = String::new();
        for (x, y) in points.map(|point| self.at(point)) {
            let _ = write!(path, "M{x:.1} {y}h0");
        }
        path
    }

    fn line(&mut self, pen: Pen, class: &'static str, path: String) {
        self.lines.push(Shape { path, class, pen });
    }

    fn at(&self, (x, y): (f64, f64)) -> (f64, i32) {
        (self.x.place(x) * self.width, self.height(y))
    }

    /// Marks a value of the horizontal axis by a line from top to bottom.
    pub fn mark(&mut self, x: f64) {
        self.marks.push(self.x.place(x) * self.width);
    }

    fn height(&self, value: f64) -> i32 {
        ((1.0 - self.y.place(value)) * HEIGHT).round() as i32
    }

    /// Returns the picture as a part of the page.
    #[must_use]
    pub fn html(&self) -> String {
        let Self { id, width, .. } = self;
        let mut html = format!(
            "<figure id=\"{id}\">\n<figcaption><h2>{}</h2><p class=\"legend\">{}</p>\
             </figcaption>\n<p class=\"unit\">{}</p>\n<div class=\"frame{}\">\n{}",
            escaped(self.title),
            self.legend_html(),
            escaped(self.unit),
            if self.x.has_long_labels() {
                " nines"
            } else {
                ""
            },
            self.labels("ys", "bottom", &self.y),
        );
        let _ = write!(
            html,
            "<svg role=\"img\" aria-labelledby=\"{id}-title {id}-text\" viewBox=\"0 0 {width} {HEIGHT}\" \
             preserveAspectRatio=\"none\">\n<title id=\"{id}-title\">{}</title>\n\
             <desc id=\"{id}-text\">{}</desc>\n",
            escaped(self.title),
            escaped(&self.description),
        );
        self.grid(&mut html);
        for x in &self.marks {
            let _ = writeln!(html, "<path class=\"event\" d=\"M{x:.2} 0V{HEIGHT}\"/>");
        }
        for Shape { path, class, pen } in self.bands.iter().chain(self.lines.iter().rev()) {
            let _ = writeln!(
                html,
                "<path class=\"{class} {}\" d=\"{path}\"/>",
                pen.class()
            );
        }
        html += "</svg>\n";
        html += &self.labels("xs", "left", &self.x);
        html += "</div>\n";
        if !self.note.is_empty() {
            let _ = writeln!(html, "<p class=\"note\">{}</p>", escaped(&self.note));
        }
        html + "</figure>\n"
    }

    fn grid(&self, html: &mut String) {
        let mut path = String::new();
        for mark in &self.y.marks {
            let _ = write!(path, "M0 {:.1}H{:.1}", (1.0 - mark.at) * HEIGHT, self.width);
        }
        for mark in &self.x.marks {
            let _ = write!(path, "M{:.2} 0V{HEIGHT}", mark.at * self.width);
        }
        let _ = writeln!(html, "<path class=\"grid\" d=\"{path}\"/>");
    }

    fn labels(&self, class: &str, side: &str, axis: &Axis) -> String {
        // Beside the vertical axis the longest one makes the room for all.
        let room = match class {
            "ys" => format!(" style=\"width:{}ch\"", axis.longest_label() + 1),
            _ => String::new(),
        };
        let mut html = format!("<div class=\"{class}\"{room} aria-hidden=\"true\">");
        for mark in &axis.marks {
            let class = [
                match mark.weight {
                    Weight::Major => "",
                    Weight::Middle => "middle ",
                    Weight::Minor => "minor ",
                },
                match class == "xs" && mark.is_at_the_edge() {
                    true => "edge",
                    false => "",
                },
            ];
            let class = class.concat();
            let class = match class.trim() {
                "" => String::new(),
                class => format!(" class=\"{class}\""),
            };
            let (at, label) = (mark.at * 100.0, escaped(&mark.label));
            let _ = write!(
                html,
                "<span{class} style=\"{side}:{at:.2}%\">{label}</span>"
            );
        }
        html + "</div>\n"
    }

    fn legend_html(&self) -> String {
        let mut html = String::new();
        for (pen, key, name) in &self.legend {
            const LINE: (&str, &str) = ("line", "M1 6H27");
            const AREA: (&str, &str) = ("band", "M1 1H27V11H1z");
            const DOT: (&str, &str) = ("dots", "M14 6h0");
            let shapes: &[(&str, &str)] = match key {
                Key::Line => &[LINE],
                Key::Band => &[AREA, LINE],
                Key::Span => &[AREA],
                Key::Dots => &[DOT],
                Key::Rings => &[("ring", DOT.1), ("hole", DOT.1)],
            };
            html += "<span class=\"key\"><svg viewBox=\"0 0 28 12\" width=\"28\" height=\"12\" \
                     aria-hidden=\"true\">";
            for (class, path) in shapes {
                let pen = pen.class();
                let _ = write!(html, "<path class=\"{class} {pen}\" d=\"{path}\"/>");
            }
            let _ = write!(html, "</svg>{}</span> ", escaped(name));
        }
        html
    }
}

#[cfg(test)]
mod tests;
