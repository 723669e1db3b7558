//! The template declares the tables that are defined here. Comments are compared by `.ci/glue-tables`.

use lake_schema::{Table, glue, glue::GlueColumn, queries};

use crate::template::{camel_case, resource, table_resource};

fn names_and_types<'a>(columns: &[GlueColumn<'a>]) -> Vec<(&'a str, &'static str)> {
    columns
        .iter()
        .map(|column| (column.name, column.kind))
        .collect()
}

#[test]
fn tables_of_files_have_the_columns_and_the_partitions_of_their_definition() {
    for table in Table::all_with_months() {
        let files = table_resource(&table, "FilesTable");

        assert_eq!(
            files.text_of("Name"),
            Some(queries::files_table(&table).as_str())
        );
        assert_eq!(files.columns(), names_and_types(&glue::columns(&table)));
        assert_eq!(
            files.partition_keys(),
            names_and_types(&[glue::partition_key(&table)])
        );
    }
}

#[test]
fn tables_of_parts_have_the_day_of_arrival_as_a_partition_too() {
    for table in Table::all() {
        let parts = table_resource(&table, "PartsTable");

        assert_eq!(
            parts.text_of("Name"),
            Some(queries::parts_table(&table).as_str())
        );
        assert_eq!(parts.columns(), names_and_types(&glue::columns(&table)));
        assert_eq!(
            parts.partition_keys(),
            names_and_types(&[glue::ARRIVAL_DAY, glue::partition_key(&table)])
        );
    }
}

#[test]
fn tables_of_state_have_the_columns_that_views_read() {
    for table in Table::all_with_months() {
        let state = table_resource(&table, "StateTable");

        assert_eq!(
            state.text_of("Name"),
            Some(queries::state_table(&table).as_str())
        );
        assert_eq!(state.columns(), names_and_types(&queries::STATE_COLUMNS));
        assert_eq!(
            state.partition_keys(),
            names_and_types(&[glue::ARRIVAL_DAY])
        );
    }
}

#[test]
fn views_are_those_that_hide_what_compaction_replaces() {
    for table in Table::all_with_months() {
        let view = table_resource(&table, "View");

        assert_eq!(view.text_of("Name"), Some(table.name()));
        let json = view
            .text()
            .lines()
            .map(str::trim)
            .find(|line| line.starts_with("{\"catalog\""))
            .unwrap();
        let declared: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!(declared, queries::presto_view(&table, "${LakeDatabase}"));
        let mut columns = glue::columns(&table);
        columns.push(glue::partition_key(&table));
        assert_eq!(view.columns(), names_and_types(&columns));
    }
}

#[test]
fn monthly_copies_are_declared_only_if_they_are_made() {
    for months in Table::all().map(|table| table.monthly_copies()) {
        for kind in ["FilesTable", "StateTable", "View"] {
            let resource = table_resource(&months, kind);

            assert_eq!(resource.text_of("Condition"), Some("ClosedMonths"));
        }
    }
}

#[test]
fn queries_to_start_from_are_those_of_the_folder() {
    for query in queries::NAMED {
        let resource = resource(&format!("{}Query", camel_case(query.name)));

        assert_eq!(resource.text_of("Name"), Some(query.name));
        let (_, text) = resource.text().split_once("QueryString: |\n").unwrap();
        let lines: Vec<&str> = text
            .trim_end()
            .lines()
            .map(|line| line.get(8..).unwrap_or_default())
            .collect();
        assert_eq!(lines.join("\n"), query.sql.trim_end(), "{}", query.name);
    }
}
