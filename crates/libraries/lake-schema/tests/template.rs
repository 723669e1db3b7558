//! template.yaml declares the tables that are defined here.

use lake_schema::{Table, glue, queries};
use time::macros::date;

const TEMPLATE: &str = include_str!("../../../../template.yaml");
/// How far the columns stand in.
const INDENT: usize = 12;
/// The month of `LakeFirstDay`, which is a day: its first two parts.
const FIRST_MONTH: &str = "!Join [\"-\", [!Select [0, !Split [\"-\", !Ref LakeFirstDay]], !Select [1, !Split [\"-\", !Ref LakeFirstDay]]]]";

/// The resource `name`, up to the next one.
fn resource(name: &str) -> &'static str {
    let head = format!("\n  {name}:\n");
    let start = TEMPLATE
        .find(&head)
        .unwrap_or_else(|| panic!("{name} is not in the template"))
        + head.len();
    let rest = &TEMPLATE[start..];
    let end = rest.match_indices("\n  ").map(|(at, _)| at).find(|at| {
        rest[at + 3..].starts_with(|first: char| first.is_ascii_alphabetic() || first == '#')
    });
    &rest[..end.unwrap_or(rest.len())]
}

/// What stands behind a key, without quotes.
fn value<'a>(resource: &'a str, key: &str) -> Option<&'a str> {
    let line = resource
        .lines()
        .find_map(|line| line.trim().strip_prefix(key)?.strip_prefix(": "))?;
    Some(line.trim_start_matches("!Sub ").trim_matches('"'))
}

/// The template's names of a table's resources begin with this.
fn prefix(table: &Table) -> String {
    let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
    table.name().split('_').map(capital).collect()
}

#[test]
fn tables_have_the_columns_and_the_partitions_of_their_definition() {
    for table in Table::all_with_months() {
        let files = resource(&format!("{}FilesTable", prefix(&table)));

        assert_eq!(
            value(files, "Name"),
            Some(queries::files_table(&table).as_str())
        );
        assert!(
            files
                .trim_end()
                .ends_with(glue::template_columns(&table, INDENT).trim_end()),
            "{files}"
        );
        assert_eq!(
            value(files, "Location"),
            Some(glue::location(&table, "${EventsBucket}").as_str())
        );
        assert_eq!(
            value(files, "PartitionKeys"),
            Some(format!("[{}]", key(&glue::partition_key(&table))).as_str())
        );
        assert_properties(
            files,
            glue::properties(&table, "${EventsBucket}", date!(2026 - 01 - 01)),
        );
    }
}

#[test]
fn tables_of_parts_list_what_came_today_or_yesterday() {
    for table in Table::all() {
        let parts = resource(&format!("{}PartsTable", prefix(&table)));

        assert_eq!(
            value(parts, "Name"),
            Some(queries::parts_table(&table).as_str())
        );
        let columns = glue::template_columns(&table, INDENT);
        assert!(parts.trim_end().ends_with(columns.trim_end()), "{parts}");
        assert_eq!(
            value(parts, "Location"),
            Some(glue::parts_location(&table, "${EventsBucket}").as_str())
        );
        let keys = format!(
            "[{}, {}]",
            key(&glue::COMING),
            key(&glue::partition_key(&table))
        );
        assert_eq!(value(parts, "PartitionKeys"), Some(keys.as_str()));
        assert_properties(parts, glue::parts_properties(&table, "${EventsBucket}"));
    }
}

/// A partition key as the template writes it.
fn key(column: &glue::GlueColumn<'_>) -> String {
    format!(
        "{{ Name: {}, Type: {}, Comment: '{}' }}",
        column.name, column.kind, column.comment
    )
}

/// The first day is a parameter of the template.
fn assert_properties(resource: &str, properties: Vec<(String, String)>) {
    for (name, expected) in properties {
        let expected = match expected.strip_prefix("2026-01,") {
            Some(to) => format!("!Join [\"\", [{FIRST_MONTH}, \",{to}\"]]"),
            None => expected
                .replace("2026-01-01", "${LakeFirstDay}")
                .replace("${at}", "${!at}")
                .replace("${dt}", "${!dt}")
                .replace("${month}", "${!month}"),
        };
        assert_eq!(value(resource, &name), Some(expected.as_str()), "{name}");
    }
}

#[test]
fn tables_of_state_have_the_columns_that_views_read() {
    for table in Table::all_with_months() {
        let state = resource(&format!("{}StateTable", prefix(&table)));

        assert_eq!(
            value(state, "Name"),
            Some(queries::state_table(&table).as_str())
        );
        let columns = glue::column_lines(&queries::STATE_COLUMNS, INDENT);
        assert!(state.trim_end().ends_with(columns.trim_end()), "{state}");
        assert_eq!(
            value(state, "Location"),
            Some(glue::state_location(&table, "${EventsBucket}").as_str())
        );
        assert_eq!(
            value(state, "PartitionKeys"),
            Some(format!("[{}]", key(&glue::COMING)).as_str())
        );
        assert_properties(state, glue::state_properties(&table, "${EventsBucket}"));
    }
}

#[test]
fn views_are_those_that_hide_what_compaction_replaces() {
    for table in Table::all_with_months() {
        let view = resource(&format!("{}View", prefix(&table)));

        assert_eq!(value(view, "Name"), Some(table.name()));
        let json = view
            .lines()
            .map(str::trim)
            .find(|line| line.starts_with("{\"catalog\""))
            .unwrap();
        let declared: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!(declared, queries::presto_view(&table, "${LakeDatabase}"));
        assert!(
            view.contains(glue::template_columns(&table, INDENT).trim_end()),
            "{view}"
        );
    }
}

#[test]
fn closed_months_are_made_only_when_they_are_asked_for() {
    for months in Table::all().map(|table| table.closed_months()) {
        for kind in ["FilesTable", "StateTable", "View"] {
            let resource = resource(&format!("{}{kind}", prefix(&months)));

            assert_eq!(value(resource, "Condition"), Some("ClosedMonths"));
        }
    }
}

#[test]
fn queries_to_start_from_are_those_of_the_folder() {
    for query in queries::NAMED {
        let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
        let name: String = query.name.split('_').map(capital).collect();
        let resource = resource(&format!("{name}Query"));

        assert_eq!(value(resource, "Name"), Some(query.name));
        let (_, text) = resource.split_once("QueryString: |\n").unwrap();
        let lines: Vec<&str> = text
            .trim_end()
            .lines()
            .map(|line| line.get(8..).unwrap_or_default())
            .collect();
        assert_eq!(lines.join("\n"), query.sql.trim_end(), "{}", query.name);
    }
}
