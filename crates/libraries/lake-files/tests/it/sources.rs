//! Which value a column gets that has several sources: the first in the definition's order that is usable, for every table and
//! in whatever order the event has them.

use event_model::Pipeline;
use lake_schema::{Column, ColumnType, Table};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::lake::outcome;

/// A table with a column of each type that has three sources, one of them inside an object.
fn table() -> Table {
    let column_types = ["string", "bigint", "double", "boolean", "timestamp"];
    let column = |kind: &str| {
        json!({"name": kind, "type": kind, "comment": "",
        "from": [format!("{kind}1"), format!("in.{kind}2"), format!("{kind}3")]})
    };
    let columns: Vec<Value> = column_types.into_iter().map(column).collect();
    let definition = json!({"event_time": "timestamp", "sort": [], "columns": columns});
    Table::parse(Pipeline::ProductEvents, &definition.to_string()).unwrap()
}

/// A value, what a column of its kind makes of it, and whether it gives way to any that is sure.
type Sent = (Value, Option<Value>, bool);

fn values(kind: ColumnType) -> Vec<Sent> {
    let sure = |sent: Value, kept: Value| (sent, Some(kept), false);
    let never = |sent: Value| (sent, None, false);
    let mut values = vec![never(Value::Null), never(json!({})), never(json!(["x"]))];
    values.extend(match kind {
        ColumnType::String => vec![
            sure(json!("a"), json!("a")),
            sure(json!("b"), json!("b")),
            never(json!(7)),
            (json!(""), Some(json!("")), true),
            (json!(" "), Some(json!(" ")), true),
        ],
        ColumnType::Bigint => vec![
            sure(json!(1), json!(1)),
            sure(json!(2), json!(2)),
            never(json!("1")),
            never(json!(1.5)),
        ],
        ColumnType::Double => vec![
            sure(json!(1.5), json!(1.5)),
            sure(json!(2), json!(2.0)),
            never(json!("1.5")),
        ],
        ColumnType::Boolean => vec![
            sure(json!(true), json!(true)),
            sure(json!(false), json!(false)),
            never(json!("true")),
        ],
        ColumnType::Timestamp => vec![
            sure(json!("2026-01-02"), json!(1_767_312_000_000_i64)),
            sure(json!(1_767_225_600), json!(1_767_225_600_000_i64)),
            sure(
                json!("Thu, 01 Jan 2026 00:00:01 GMT"),
                json!(1_767_225_601_000_i64),
            ),
            never(json!("yesterday")),
            never(json!("")),
            (json!("1999-01-01"), Some(json!(915_148_800_000_i64)), true),
            (
                json!(4_102_444_800_000_i64),
                Some(json!(4_102_444_800_000_i64)),
                true,
            ),
        ],
    });
    values
}

/// For each column what its sources have, if they are there.
fn event() -> impl Strategy<Value = Vec<(Column, Vec<Option<Sent>>)>> {
    let columns = table().columns().to_vec();
    columns
        .into_iter()
        .map(|column| {
            let one =
                proptest::option::weighted(0.7, proptest::sample::select(values(column.kind)));
            (Just(column), proptest::collection::vec(one, 3))
        })
        .collect::<Vec<_>>()
}

/// The index of the source whose value counts.
fn winner(sources: &[Option<Sent>]) -> Option<usize> {
    let usable = |is_doubtful: bool| {
        let is_usable = move |sent: &Option<Sent>| {
            sent.as_ref()
                .is_some_and(|(_, kept, doubtful)| kept.is_some() && *doubtful == is_doubtful)
        };
        sources.iter().position(is_usable)
    };
    usable(false).or_else(|| usable(true))
}

/// The event's text with its members in this order. What is inside the object stays together.
fn text(event: &[(Column, Vec<Option<Sent>>)], order: &[usize]) -> String {
    let mut members = Vec::new();
    let mut inside = Vec::new();
    for (column, sources) in event {
        for (path, sent) in column.from.iter().zip(sources) {
            let Some((value, ..)) = sent else { continue };
            match path.strip_prefix("in.") {
                Some(name) => inside.push(format!("\"{name}\":{value}")),
                None => members.push(format!("\"{path}\":{value}")),
            }
        }
    }
    members.push(format!("\"in\":{{{}}}", inside.join(",")));
    members.push("\"x\":1".to_owned());
    let mut ordered: Vec<(usize, String)> = members
        .into_iter()
        .enumerate()
        .map(|(index, member)| (order[index % order.len()], member))
        .collect();
    ordered.sort_by_key(|(rank, _)| *rank);
    let members: Vec<String> = ordered.into_iter().map(|(_, member)| member).collect();
    format!("{{{}}}", members.join(","))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn first_usable_source_of_the_definition_counts_in_every_order(
        events in proptest::collection::vec(event(), 1..5),
        order in Just((0..12_usize).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        // Each twice: the second is read the fast way, by the first.
        let input: String = events.iter().map(|event| text(event, &order).repeat(2)).collect();

        let outcome = outcome(&table(), input.as_bytes());

        prop_assert_eq!(&outcome.rejected, &Vec::<Value>::new());
        prop_assert_eq!(outcome.rows.len(), 2 * events.len());
        for event in &events {
            let text = text(event, &order);
            let is_row = |row: &&crate::rows::Row| event.iter().all(|(column, sources)| {
                let won = winner(sources);
                let kept = won.and_then(|index| sources[index].clone());
                let is_value = if column.name == "timestamp" && kept.as_ref().is_none_or(|(.., is_doubtful)| *is_doubtful) {
                    row["_clamped"] == true
                } else {
                    row.get(&column.name) == kept.and_then(|(_, kept, _)| kept).as_ref()
                };
                let extra: Value = serde_json::from_str(row["_extra"].as_str().unwrap()).unwrap();
                is_value && column.from.iter().zip(sources).enumerate().all(|(index, (path, sent))| {
                    let pointer = format!("/{}", path.replace('.', "/"));
                    match sent {
                        Some((value, ..)) if won != Some(index) && !value.is_null() => extra.pointer(&pointer) == Some(value),
                        _ => true,
                    }
                })
            });
            prop_assert!(outcome.rows.iter().filter(is_row).count() >= 2, "{} gave {:?}", text, outcome.rows);
        }
    }
}

/// Every column of every table that has several sources, with NULL and with garbage in front of the one that counts.
#[test]
fn no_source_of_any_table_hides_the_next() {
    for table in Table::all() {
        for column in table
            .columns()
            .iter()
            .filter(|column| column.from.len() > 1)
        {
            let (good, kept) = match column.kind {
                ColumnType::String => (json!("good"), json!("good")),
                ColumnType::Timestamp => (json!("2026-01-02"), json!(1_767_312_000_000_i64)),
                other => panic!("no value of {other:?} is known here"),
            };
            for bad in [Value::Null, json!([1]), json!({}), json!(""), json!(true)] {
                for index in 1..column.from.len() {
                    let mut event = serde_json::Map::new();
                    for path in &column.from[..index] {
                        event.insert(path.clone(), bad.clone());
                    }
                    event.insert(column.from[index].clone(), good.clone());

                    let outcome =
                        outcome(&table, Value::from(event.clone()).to_string().as_bytes());

                    assert_eq!(outcome.rows[0][&column.name], kept, "{event:?}");
                }
            }
        }
    }
}
