//! A result as text: a table, or one row after another if the terminal is too narrow for the columns, followed by its cost.

use super::{Answer, Engine, bytes};
use crate::table::{Align, printable_lines, results};

/// The columns of a plan, which is a drawing of several lines.
const PLAN: [&str; 2] = ["explain_key", "explain_value"];

/// `room` is the width of the terminal; `None` if stdout is not a terminal.
pub(super) fn text(answer: &Answer, room: Option<usize>) -> String {
    let body = if answer.columns == PLAN {
        plan(answer)
    } else {
        table(answer, room)
    };
    format!("{body}\n\n{}", footer(answer))
}

fn table(answer: &Answer, room: Option<usize>) -> String {
    let is_number = |column: usize| {
        let mut values = answer
            .rows
            .iter()
            .filter_map(|row| row.get(column)?.as_deref());
        let are_numbers = values.clone().all(|value| value.parse::<f64>().is_ok());
        are_numbers && values.next().is_some()
    };
    let align = |column| {
        if is_number(column) {
            Align::Right
        } else {
            Align::Left
        }
    };
    results(&answer.columns, &answer.rows, align, room)
}

fn plan(answer: &Answer) -> String {
    let drawings = answer.rows.iter().filter_map(|row| row.last()?.as_deref());
    let lines: Vec<String> = drawings.map(printable_lines).collect();
    lines.join("\n").trim_end().to_owned()
}

/// The number of rows, the bytes read for them, and the price.
fn footer(answer: &Answer) -> String {
    let rows = match (answer.rows.len(), answer.is_cut) {
        (1, false) => "1 row".to_owned(),
        (count, false) => format!("{count} rows"),
        (count, true) => format!("the first {count} rows (--max-rows prints more)"),
    };
    let scanned = bytes(answer.scanned_bytes);
    let price = match (answer.engine, answer.is_reused) {
        (Engine::Athena, true) => "a stored result, which is free".to_owned(),
        (Engine::Athena, false) => format!("{scanned} scanned, {:.5} dollars", answer.usd),
        (Engine::Duckdb, _) => format!(
            "{scanned} read by DuckDB; Athena would bill {:.5} dollars",
            answer.usd
        ),
    };
    format!("{rows}; {price}; {:.1} s", answer.seconds)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answer(columns: &[&str], rows: Vec<Vec<Option<String>>>) -> Answer {
        Answer {
            engine: Engine::Athena,
            columns: columns.iter().map(|name| (*name).to_owned()).collect(),
            rows,
            is_cut: false,
            scanned_bytes: 20_500_000,
            is_reused: false,
            usd: cost_model::usage::query_usd(20_500_000),
            seconds: 1.25,
        }
    }

    fn logins() -> Answer {
        let row = |event: Option<&str>, n: &str| vec![event.map(str::to_owned), Some(n.to_owned())];
        answer(
            &["event", "n"],
            vec![row(Some("LOGIN"), "12"), row(None, "7")],
        )
    }

    #[test]
    fn answer_is_a_table_with_its_price_below() {
        assert_eq!(
            text(&logins(), None),
            "event   n\n─────  ──\nLOGIN  12\nNULL    7\n\n2 rows; 20.5 MB scanned, 0.00010 dollars; 1.2 s"
        );
        assert_eq!(text(&logins(), Some(80)), text(&logins(), None));
    }

    #[test]
    fn more_columns_than_fit_are_shown_row_by_row() {
        let names: Vec<String> = (0..20)
            .map(|index| format!("a_long_name_{index}"))
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut row = vec![Some("a value".to_owned()); 20];
        row[1] = None;

        let text = text(&answer(&names, vec![row.clone(), row]), Some(40));

        assert!(text.starts_with("row 1"), "{text}");
        assert!(
            text.contains("\na_long_name_0   a value\na_long_name_2   a value\n"),
            "{text}"
        );
        assert!(text.contains("\n\nrow 2"), "{text}");
    }

    #[test]
    fn a_plan_keeps_its_lines() {
        let row = vec![
            Some("physical_plan".to_owned()),
            Some("╭─\n│ Scan \u{1b}[2J\n╰─\n".to_owned()),
        ];

        let text = text(&answer(&PLAN, vec![row]), Some(80));

        assert!(text.starts_with("╭─\n│ Scan ␛[2J\n╰─\n\n1 row;"), "{text}");
    }

    #[test]
    fn stored_result_is_free_and_says_so() {
        let reused = Answer {
            is_reused: true,
            ..logins()
        };

        assert!(footer(&reused).contains("which is free"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_answer_is_shown(
            names in proptest::collection::vec(any::<String>(), 0..6),
            cells in proptest::collection::vec(
                proptest::collection::vec(proptest::option::of(prop_oneof![
                    any::<String>(),
                    (any::<char>(), 1_usize..70_000).prop_map(|(letter, count)| letter.to_string().repeat(count)),
                ]), 0..6),
                0..4,
            ),
            room in proptest::option::of(0_usize..120),
        ) {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();

            let shown = text(&answer(&names, cells), room);

            prop_assert!(shown.chars().all(|letter| letter == '\n' || !letter.is_control()));
        }
    }
}
