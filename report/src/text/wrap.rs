//! Lines that fit a terminal, broken between words.

/// Breaks the lines of `text` between words so that none is longer than `columns` characters; what
/// follows a break begins with `indent` spaces. A word that is longer by itself stays whole.
#[must_use]
pub fn wrap(text: &str, columns: usize, indent: usize) -> String {
    let mut wrapped = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let mut len = 0;
        // Spaces that stand in a line belong to what is set in columns, and stay as they are.
        for piece in line.split_inclusive(' ') {
            let word = piece.trim_end_matches([' ', '\n']).chars().count();
            if len > indent && len + word > columns {
                wrapped.truncate(wrapped.trim_end_matches(' ').len());
                wrapped.push('\n');
                wrapped.extend(std::iter::repeat_n(' ', indent));
                len = indent;
            }
            wrapped.push_str(piece);
            len += piece.chars().count();
        }
    }
    wrapped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_nowhere_else() {
        let text = "Round trip: median 105 µs, 99 % within 112 µs.\nshort\n";
        assert_eq!(
            wrap(text, 20, 0),
            "Round trip: median\n105 µs, 99 % within\n112 µs.\nshort\n"
        );
        assert_eq!(wrap(text, 46, 0), text);
        assert_eq!(wrap(text, 45, 2).lines().nth(1), Some("  µs."));
        assert_eq!(wrap("aaaaaaaa bb", 4, 0), "aaaaaaaa\nbb");
        assert_eq!(wrap("", 4, 0), "");
        assert_eq!(wrap("a  b   c\n", 10, 0), "a  b   c\n");
    }

    #[test]
    fn no_width_is_too_small() {
        for columns in 0..3 {
            let wrapped = wrap("ab cd ef", columns, 3);
            let words: Vec<_> = wrapped.split_whitespace().collect();
            assert_eq!(words, ["ab", "cd", "ef"]);
        }
    }
}
