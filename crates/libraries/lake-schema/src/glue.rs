//! The columns of a table in Glue. `.ci/glue-tables` writes the tables of template.yaml from the same definitions; tests compare the
//! two.

use crate::{CLAMPED, ColumnType, DAY, EXTRA, FILE, Period, Table};

/// A column of a Glue table. Its comment is only in the template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GlueColumn<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its Hive type.
    pub kind: &'static str,
}

/// The table's columns, without the partition key.
pub fn columns(table: &Table) -> Vec<GlueColumn<'_>> {
    let declared = table.columns().iter();
    let declared = declared.map(|column| (column.name.as_str(), column.kind));
    let own = [
        (EXTRA, ColumnType::String),
        (CLAMPED, ColumnType::Boolean),
        (FILE, ColumnType::String),
    ];
    let day = match table.period() {
        Period::Day => None,
        Period::Month => Some((DAY, ColumnType::String)),
    };
    declared
        .chain(own)
        .chain(day)
        .map(|(name, kind)| GlueColumn {
            name,
            kind: kind.as_str(),
        })
        .collect()
}

/// The partition key.
pub fn partition_key(table: &Table) -> GlueColumn<'static> {
    GlueColumn {
        name: table.period().key(),
        kind: ColumnType::String.as_str(),
    }
}

/// The partition key of files that are deleted later: the day of arrival, of which queries list the latest.
pub const ARRIVAL_DAY: GlueColumn<'static> = GlueColumn {
    name: "at",
    kind: "string",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_columns_follow_the_declared_ones() {
        let table = Table::product_events();

        let names: Vec<&str> = columns(&table).iter().map(|column| column.name).collect();

        assert_eq!(names.first(), Some(&"event"));
        assert!(names.ends_with(&[EXTRA, CLAMPED, FILE]));
        assert!(!names.contains(&DAY));
    }

    #[test]
    fn monthly_copies_have_the_day_as_a_column() {
        let table = Table::product_events().monthly_copies();

        let names: Vec<&str> = columns(&table).iter().map(|column| column.name).collect();

        assert!(names.ends_with(&[EXTRA, CLAMPED, FILE, DAY]));
        assert_eq!(partition_key(&table).name, "month");
    }
}
