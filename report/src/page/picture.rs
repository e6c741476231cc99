//! Pictures: lines and bands over an axis, as SVG that takes any width.
//!
//! Promised: whatever the page's width, text keeps its size and lines their width, and a spike one
//! column wide stays visible; each picture says in words what it shows.

use std::fmt::Write;

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
    legend: Vec<(Pen, bool, &'a str)>,
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
        self.legend.push((pen, has_width, name));
    }

    /// Draws a line through points in values of the axes: straight from marked point to marked
    /// point with `dots`, else in steps.
    pub fn curve(&mut self, pen: Pen, name: &'a str, points: &[(f64, f64)], dots: bool) {
        let mut path = String::new();
        let mut marks = String::new();
        for (index, (x, y)) in points.iter().enumerate() {
            let (x, y) = (self.x.place(*x) * self.width, self.height(*y));
            let _ = match (index, dots) {
                (0, _) => write!(path, "M{x:.1} {y}"),
                (_, true) => write!(path, "L{x:.1} {y}"),
                (_, false) => write!(path, "H{x:.1}V{y}"),
            };
            let _ = write!(marks, "M{x:.1} {y}h0");
        }
        self.lines.push(Shape {
            path,
            class: "line",
            pen,
        });
        if dots {
            self.lines.push(Shape {
                path: marks,
                class: "dots",
                pen,
            });
        }
        self.legend.push((pen, false, name));
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
        for (pen, has_band, name) in &self.legend {
            let class = pen.class();
            let _ = write!(
                html,
                "<span class=\"key\"><svg viewBox=\"0 0 28 12\" width=\"28\" height=\"12\" \
                 aria-hidden=\"true\">"
            );
            if *has_band {
                let _ = write!(html, "<path class=\"band {class}\" d=\"M1 1H27V11H1z\"/>");
            }
            let _ = write!(
                html,
                "<path class=\"line {class}\" d=\"M1 6H27\"/></svg>{}</span> ",
                escaped(name)
            );
        }
        html
    }
}

/// Adds to `path` a line of steps, one for each height, from `begin` to the places that `ends`
/// gives for each step.
fn stairs(
    path: &mut String,
    begin: usize,
    heights: impl Iterator<Item = i32>,
    ends: impl Fn(usize) -> f64,
) {
    let mut heights = heights.enumerate().peekable();
    let mut last = None;
    while let Some((column, height)) = heights.next() {
        match last {
            None => drop(write!(path, "M{begin} {height}")),
            Some(last) if last != height => drop(write!(path, "V{height}")),
            Some(_) => {}
        }
        last = Some(height);
        // Steps of one height are one.
        if heights.peek().is_none_or(|(_, next)| *next != height) {
            let _ = write!(path, "H{}", short(ends(column)));
        }
    }
}

/// Adds to `path` the area between the least and the most of each column.
fn surround(path: &mut String, begin: usize, run: &[[i32; 3]], ends: impl Fn(usize) -> f64 + Copy) {
    stairs(path, begin, run.iter().map(|heights| heights[2]), ends);
    let mut last = None;
    for (column, [height, ..]) in run.iter().enumerate().rev() {
        if last != Some(height) {
            if last.is_some() {
                let _ = write!(path, "H{}", short(ends(column)));
            }
            let _ = write!(path, "V{height}");
            last = Some(height);
        }
    }
    let _ = write!(path, "H{begin}z");
}

/// Returns whole numbers without a decimal, and others with two.
fn short(value: f64) -> String {
    if value.fract() == 0.0 {
        return format!("{value:.0}");
    }
    format!("{value:.2}")
}

#[cfg(test)]
mod tests {
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
}
