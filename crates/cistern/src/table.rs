//! Tables of text: columns as wide as their widest cell.

/// Where a column's cells stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// Lays out rows, the first being the header, which a rule is drawn under.
pub(crate) fn lay_out(rows: &[Vec<String>], align: impl Fn(usize) -> Align) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    let line = |row: &[String]| {
        let cells = widths.iter().enumerate().map(|(column, &width)| {
            let cell = row.get(column).map_or("", String::as_str);
            match align(column) {
                Align::Left => format!("{cell:<width$}"),
                Align::Right => format!("{cell:>width$}"),
            }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut lines: Vec<String> = rows.iter().map(|row| line(row)).collect();
    if !lines.is_empty() {
        let rule: Vec<String> = widths.iter().map(|&width| "─".repeat(width)).collect();
        lines.insert(1, rule.join("  "));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [
            vec!["event".to_owned(), "n".to_owned()],
            vec!["größer".to_owned(), "12".to_owned()],
        ];

        let text = lay_out(&rows, |column| {
            if column == 0 {
                Align::Left
            } else {
                Align::Right
            }
        });

        assert_eq!(text, "event    n\n──────  ──\ngrößer  12");
    }

    #[test]
    fn no_rows_are_no_text() {
        assert_eq!(lay_out(&[], |_| Align::Left), "");
    }
}
