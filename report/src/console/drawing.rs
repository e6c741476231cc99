//! What a terminal is sent for a table that is drawn again and again in its place.

use std::fmt::Write as _;

use super::stream::Size;

/// What takes the table away, sent from the line above it.
pub(crate) const ERASURE: &str = "\r\x1b[J";

/// Returns what draws `table` below the line of the cursor and leaves the cursor there: every line
/// is cut to the terminal's width, since one that wraps would be two, and written over what stood
/// there before, since erasing it first would flicker.
pub(crate) fn drawing(table: &[String], size: Size) -> String {
    let shown = &table[..table.len().min(size.rows.saturating_sub(2))];
    let mut drawing = String::from("\r\x1b[K");
    for line in shown {
        drawing += "\n";
        // A terminal may wrap, or not, after its last column.
        drawing.extend(line.chars().take(size.columns - 1));
        drawing += "\x1b[K";
    }
    drawing += "\x1b[J\r";
    if !shown.is_empty() {
        let _ = write!(drawing, "\x1b[{}A", shown.len());
    }
    drawing
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

    #[test]
    fn a_table_is_drawn_over_the_one_before() {
        let size = Size {
            columns: 80,
            rows: 24,
        };
        assert_eq!(
            drawing(&table(&["sent 1", "lost 0"]), size),
            "\r\x1b[K\nsent 1\x1b[K\nlost 0\x1b[K\x1b[J\r\x1b[2A"
        );
    }

    #[test]
    fn a_small_terminal_cuts_lines_and_leaves_lines_out() {
        let drawn = |columns, rows| drawing(&table(&["µs 123", "b", "c"]), Size { columns, rows });
        assert_eq!(drawn(4, 4), "\r\x1b[K\nµs \x1b[K\nb\x1b[K\x1b[J\r\x1b[2A");
        for (columns, rows) in [(1, 1), (1, 3), (9, 2)] {
            let drawn = drawn(columns, rows);
            assert!(drawn.matches('\n').count() < rows, "{drawn:?}");
        }
    }
}
