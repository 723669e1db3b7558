//! Rows as blocks of lines, for tables with more columns than a terminal has room for.

use super::{Align, fit, lay_out};

/// A block for each row: its number, and a line for each value. A value of `None` has no line.
pub(crate) fn records<'a>(
    columns: &[String],
    rows: impl Iterator<Item = &'a [Option<String>]>,
    first_number: usize,
    room: Option<usize>,
) -> String {
    let blocks = rows.enumerate().map(|(index, row)| {
        let mut lines = vec![vec![format!("row {}", first_number + index), String::new()]];
        let values = columns.iter().zip(row);
        lines.extend(values.filter_map(|(name, value)| Some(vec![name.clone(), value.clone()?])));
        room.and_then(|room| fit(&lines, room, |_| Align::Left))
            .unwrap_or_else(|| lay_out(&lines, |_| Align::Left))
    });
    blocks.collect::<Vec<_>>().join("\n\n")
}

/// The result of a statement: a table, or blocks if its columns do not fit into `room`. `None` is NULL.
pub(crate) fn results(
    columns: &[String],
    rows: &[Vec<Option<String>>],
    align: impl Fn(usize) -> Align,
    room: Option<usize>,
) -> String {
    let cell = |value: &Option<String>| value.clone().unwrap_or_else(|| "NULL".to_owned());
    let mut lines = vec![columns.to_vec()];
    lines.extend(rows.iter().map(|row| row.iter().map(cell).collect()));
    match room {
        None => lay_out(&lines, align),
        Some(room) => fit(&lines, room, align)
            .unwrap_or_else(|| records(columns, rows.iter().map(Vec::as_slice), 1, Some(room))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_its_number_and_a_line_for_each_value() {
        let columns = ["type".to_owned(), "reason".to_owned()];
        let rows = [
            vec![Some("bounce".to_owned()), Some("550 \u{1b}[2J".to_owned())],
            vec![Some("open".to_owned()), None],
        ];

        let text = records(&columns, rows.iter().map(Vec::as_slice), 7, Some(16));

        assert_eq!(
            text,
            "row 7\n──────  ────────\ntype    bounce\nreason  550 ␛[2J\n\nrow 8\n─────  ────\ntype   open"
        );
    }
}
