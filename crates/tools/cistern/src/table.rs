//! Tables of text: columns as wide as their widest cell, or as the terminal allows.
//!
//! The content of a cell may come from anyone who can post an event. It cannot leave its cell: see [`printable`].

mod printable;
mod records;

use std::io::stdout;

use serde_json::Value;

use self::printable::cut;
pub(crate) use self::{
    printable::{printable, printable_lines, width},
    records::{records, results},
};

/// The alignment of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// What is done with a cell that is wider than its column.
#[derive(Clone, Copy, Debug)]
enum Overlong {
    /// It exceeds the column.
    Shown,
    /// It is truncated.
    Cut,
}

/// The gap between two columns.
const GAP: &str = "  ";
/// Columns are not truncated below this number of characters, because shorter texts are useless.
const NARROWEST: usize = 8;
/// If nothing is truncated, a few long cells must not widen every other line: they exceed their column.
const WIDEST_PADDING: usize = 64;

/// How many characters fit into a line of stdout; `None` if it is not a terminal, so that nothing is truncated.
pub(crate) fn room() -> Option<usize> {
    let (terminal_size::Width(columns), _) = terminal_size::terminal_size_of(stdout())?;
    Some(columns.into())
}

/// A value of JSON as the text of a cell; `None` for null.
pub(crate) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// Lays out rows. The first is the header, which is underlined. Truncates nothing.
pub(crate) fn lay_out(rows: &[Vec<String>], align: impl Fn(usize) -> Align) -> String {
    draw(rows, &widths(rows, WIDEST_PADDING), Overlong::Shown, align)
}

/// Like [`lay_out`], with cells truncated so that a line is at most `room` wide. `None` if there are too many columns for that.
pub(crate) fn fit(
    rows: &[Vec<String>],
    room: usize,
    align: impl Fn(usize) -> Align,
) -> Option<String> {
    let mut widths = widths(rows, room);
    let gaps = GAP.len() * widths.len().saturating_sub(1);
    let available = room.checked_sub(gaps)?;
    let narrowest: usize = widths.iter().map(|width| (*width).min(NARROWEST)).sum();
    if narrowest > available {
        return None;
    }
    let limit = shared_limit(&widths, available);
    for width in &mut widths {
        *width = (*width).min(limit);
    }
    Some(draw(rows, &widths, Overlong::Cut, align))
}

/// One line of cells for which no table is known yet: each is padded or truncated to its width, if it has one.
pub(crate) fn line_of(cells: &[String], widths: &[Option<usize>]) -> String {
    let cells = cells.iter().zip(widths).map(|(cell, room)| {
        let text = printable(cell);
        let Some(room) = *room else { return text };
        let text = cut(&text, room);
        let padding = " ".repeat(room.saturating_sub(width(&text)));
        format!("{text}{padding}")
    });
    cells.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
}

/// The greatest width per column with which all of them fit.
fn shared_limit(widths: &[usize], available: usize) -> usize {
    let mut sorted = widths.to_vec();
    sorted.sort_unstable();
    let mut left = available;
    for (index, width) in sorted.iter().enumerate() {
        let share = left / (sorted.len() - index);
        if *width > share {
            return share;
        }
        left -= width;
    }
    sorted.last().copied().unwrap_or(0)
}

fn widths(rows: &[Vec<String>], most: usize) -> Vec<usize> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    (0..columns)
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells
                .map(|cell| width(&printable(cell)).min(most))
                .max()
                .unwrap_or(0)
        })
        .collect()
}

fn draw(
    rows: &[Vec<String>],
    widths: &[usize],
    overlong: Overlong,
    align: impl Fn(usize) -> Align,
) -> String {
    let line = |row: &[String]| {
        let cells = widths.iter().enumerate().map(|(column, &width_of_column)| {
            let text = printable(row.get(column).map_or("", String::as_str));
            // To the column and not to the limit of all: a cell of nothing but marks has no width, and the ellipsis has one.
            let text = match overlong {
                Overlong::Cut => cut(&text, width_of_column),
                Overlong::Shown => text,
            };
            // Not the padding of format strings, which counts characters and supports at most 65,535 of them.
            let padding = " ".repeat(width_of_column.saturating_sub(width(&text)));
            match align(column) {
                Align::Left => format!("{text}{padding}"),
                Align::Right => format!("{padding}{text}"),
            }
        });
        cells.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
    };
    let mut lines: Vec<String> = rows.iter().map(|row| line(row)).collect();
    if !lines.is_empty() {
        let rule: Vec<String> = widths.iter().map(|&width| "─".repeat(width)).collect();
        lines.insert(1, rule.join(GAP));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|cell| (*cell).to_owned()).collect()
    }

    fn second_right(column: usize) -> Align {
        if column == 0 {
            Align::Left
        } else {
            Align::Right
        }
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [row(&["event", "n"]), row(&["größer", "12"])];

        let text = lay_out(&rows, second_right);

        assert_eq!(text, "event    n\n──────  ──\ngrößer  12");
    }

    #[test]
    fn no_rows_are_no_text() {
        assert_eq!(lay_out(&[], |_| Align::Left), "");
        assert_eq!(fit(&[], 80, |_| Align::Left).as_deref(), Some(""));
    }

    #[test]
    fn wide_and_combining_characters_take_the_room_that_they_take() {
        let rows = [
            row(&["a", "b"]),
            row(&["日本", "1"]),
            row(&["e\u{301}", "2"]),
        ];

        let text = lay_out(&rows, |_| Align::Left);

        assert_eq!(text, "a     b\n────  ─\n日本  1\ne\u{301}     2");
    }

    #[test]
    fn the_widest_columns_are_cut_first() {
        let rows = [
            row(&["event", "n"]),
            row(&[&"x".repeat(100_000), "12345678"]),
        ];

        let text = fit(&rows, 20, second_right).unwrap();

        assert_eq!(
            text,
            "event              n\n──────────  ────────\nxxxxxxxxx…  12345678"
        );
        assert_eq!(fit(&rows, 12, second_right), None, "too narrow");
    }

    #[test]
    fn where_nothing_is_cut_a_long_cell_makes_no_other_line_long() {
        let long = "x".repeat(100_000);
        let rows = [row(&["a", "b"]), row(&[&long, "1"]), row(&["y", "2"])];

        let text = lay_out(&rows, |_| Align::Left);

        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[2], format!("{long}  1"));
        assert!(
            lines
                .iter()
                .filter(|line| line.len() > 200)
                .all(|line| line.contains(&long) || line.starts_with('─'))
        );
    }

    #[test]
    fn a_cell_of_marks_alone_stays_within_its_column() {
        let rows = [
            row(&["a word of more"]),
            row(&["", "b", &"\u{b43}".repeat(30)]),
        ];

        let text = fit(&rows, 18, second_right).unwrap();

        assert!(text.lines().all(|line| width(line) <= 18), "{text}");
    }

    /// A hostile cell: controls, escape sequences, marks without a letter, wide and right-to-left letters,
    /// and more of them than a format string pads.
    fn cells() -> impl Strategy<Value = String> {
        prop_oneof![
            4 => "\\PC{0,40}",
            4 => any::<String>(),
            2 => "[\u{0}-\u{20}\u{7f}-\u{a0}\u{1b}\\[\\]\u{301}\u{200b}-\u{202e}\u{2066}-\u{2069}日א😀x]{0,60}",
            1 => ("\\PC{1,3}", 30_000_usize..70_000).prop_map(|(text, count)| text.repeat(count)),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_table_is_drawn_and_stays_in_its_lines(
            rows in proptest::collection::vec(proptest::collection::vec(cells(), 0..5), 0..5),
            room in 0_usize..200,
        ) {
            let whole = lay_out(&rows, second_right);
            let fitted = fit(&rows, room, second_right);

            for text in [Some(&whole), fitted.as_ref()].into_iter().flatten() {
                let expected = if rows.is_empty() { 0 } else { rows.len() + 1 };
                prop_assert_eq!(text.split('\n').count().max(1), expected.max(1));
                prop_assert!(text.chars().all(|letter| letter == '\n' || !letter.is_control()));
            }
            if let Some(text) = fitted {
                for line in text.split('\n') {
                    prop_assert!(width(line) <= room, "{} > {room}", width(line));
                    // Marks have no width, so a cell must not consist of a million of them either.
                    prop_assert!(line.chars().count() <= 16 * (room + 1));
                }
            }
        }
    }
}
