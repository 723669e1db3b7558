//! A table that is a page's and a file's: the same rows in both.

use maud::{Markup, html};

use crate::{
    rates::percent,
    text::{cell, csv_cell, grouped},
};

/// What stands in a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// A text, perhaps a stranger's, and where it leads.
    Text(String, Option<String>),
    Number(u64),
    /// A part of a whole.
    Share(u64, u64),
}

/// Columns by their names, and rows of as many values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) columns: Vec<&'static str>,
    pub(super) rows: Vec<Vec<Value>>,
}

impl Table {
    /// For a page, which shows the first rows.
    pub(super) fn markup(&self, label: &str, most_rows: usize) -> Markup {
        let is_number = |index: usize| {
            self.rows
                .first()
                .and_then(|row| row.get(index))
                .is_some_and(|value| !matches!(value, Value::Text(..)))
        };
        html! {
            div.scroll tabindex="0" role="region" aria-label=(label) {
                table {
                    thead { tr { @for (index, column) in self.columns.iter().enumerate() { th.num[is_number(index)] scope="col" { (column) } } } }
                    tbody { @for row in self.rows.iter().take(most_rows) { tr { @for value in row { (value.markup()) } } } }
                }
            }
            @if self.rows.len() > most_rows { p.note { "The file has more rows." } }
        }
    }

    /// For a file: all rows, with the mark by which Excel knows UTF-8.
    pub(super) fn csv(&self) -> String {
        let mut out = String::from("\u{feff}");
        out.push_str(
            &self
                .columns
                .iter()
                .map(|column| csv_cell(column))
                .collect::<Vec<_>>()
                .join(","),
        );
        out.push_str("\r\n");
        for row in &self.rows {
            out.push_str(&row.iter().map(Value::csv).collect::<Vec<_>>().join(","));
            out.push_str("\r\n");
        }
        out
    }
}

impl Value {
    fn markup(&self) -> Markup {
        match self {
            Self::Text(text, Some(href)) => html! { td { a href=(href) { (cell(text)) } } },
            Self::Text(text, None) => html! { td { (cell(text)) } },
            Self::Number(number) => html! { td.num { (grouped(*number)) } },
            Self::Share(part, whole) => {
                html! { td.num { (percent(*part, *whole).unwrap_or_else(|| "–".to_owned())) } }
            }
        }
    }

    /// Numbers without anything else; a share as a fraction of one.
    fn csv(&self) -> String {
        match self {
            Self::Text(text, _) => csv_cell(text),
            Self::Number(number) => number.to_string(),
            Self::Share(_, 0) => String::new(),
            Self::Share(part, whole) => {
                let parts =
                    (u128::from(*part) * 10_000 + u128::from(*whole) / 2) / u128::from(*whole);
                format!("{}.{:04}", parts / 10_000, parts % 10_000)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_and_file_have_the_same_rows_and_neither_executes() {
        let row = |text: &str| {
            vec![
                Value::Text(text.to_owned(), Some("/console?a=1&b=2".to_owned())),
                Value::Number(1_234),
                Value::Share(1, 3),
                Value::Share(1, 0),
            ]
        };
        let table = Table {
            columns: vec!["Campaign", "Events", "Share", "None"],
            rows: vec![row("=1+1"), row("<b>\"x\",y")],
        };

        assert_eq!(
            table.csv(),
            "\u{feff}Campaign,Events,Share,None\r\n'=1+1,1234,0.3333,\r\n\"<b>\"\"x\"\",y\",1234,0.3333,\r\n"
        );
        let html = table.markup("Campaigns", 1).into_string();
        assert!(
            html.contains("<a href=\"/console?a=1&amp;b=2\"><bdi>=1+1</bdi></a>")
                && html.contains("The file has more rows"),
            "{html}"
        );
        assert!(!table.markup("Campaigns", 2).into_string().contains("<b>"));
    }
}
