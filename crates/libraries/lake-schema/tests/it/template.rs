//! The resources of template.yaml, read as text.

use lake_schema::{
    Period, Table,
    layout::{format_day, format_partition},
};
use time::Date;

const TEMPLATE: &str = include_str!("../../../../../template.yaml");

/// The bucket in the values that [`Resource::value`] returns.
pub(crate) const BUCKET: &str = "bucket";

/// One resource.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resource(&'static str);

/// The resource `name`, up to the next one.
pub(crate) fn resource(name: &str) -> Resource {
    let head = format!("\n  {name}:\n");
    let start = TEMPLATE
        .find(&head)
        .unwrap_or_else(|| panic!("{name} is not in the template"))
        + head.len();
    let rest = &TEMPLATE[start..];
    let end = rest.match_indices("\n  ").map(|(at, _)| at).find(|at| {
        rest[at + 3..].starts_with(|first: char| first.is_ascii_alphabetic() || first == '#')
    });
    Resource(&rest[..end.unwrap_or(rest.len())])
}

/// The resource `kind` of a table.
pub(crate) fn table_resource(table: &Table, kind: &str) -> Resource {
    resource(&format!("{}{kind}", camel_case(table.name())))
}

/// `a_name` as `AName`.
pub(crate) fn camel_case(name: &str) -> String {
    let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
    name.split('_').map(capital).collect()
}

impl Resource {
    pub(crate) fn text(self) -> &'static str {
        self.0
    }

    /// The value of a key, without quotes; the first if there are several.
    pub(crate) fn text_of(self, key: &str) -> Option<&'static str> {
        let line = self
            .0
            .lines()
            .find_map(|line| line.trim().strip_prefix(key)?.strip_prefix(": "))?;
        Some(line.trim_start_matches("!Sub ").trim_matches('"'))
    }

    /// The value of a key in a stack whose parameter `LakeFirstDay` is `first_day`.
    pub(crate) fn value(self, key: &str, first_day: Date) -> String {
        let text = self
            .text_of(key)
            .unwrap_or_else(|| panic!("no {key} in\n{}", self.0));
        if text.starts_with("!Join") {
            // Of the two values that are joined, the first is the month of the first day.
            assert!(text.contains("!Ref LakeFirstDay"), "{text}");
            let suffix = text.rsplit('"').nth(1).unwrap();
            return format_partition(Period::Month, first_day) + suffix;
        }
        text.replace("${LakeFirstDay}", &format_day(first_day))
            .replace("${EventsBucket}", BUCKET)
            .replace("${!", "${")
    }

    /// Names and types of the columns, in their order.
    pub(crate) fn columns(self) -> Vec<(&'static str, &'static str)> {
        let (_, columns) = self.0.split_once("Columns:\n").unwrap();
        columns.lines().filter_map(name_and_type).collect()
    }

    /// Names and types of the partition keys, in their order.
    pub(crate) fn partition_keys(self) -> Vec<(&'static str, &'static str)> {
        let keys = self.text_of("PartitionKeys").unwrap();
        keys.split("}, {").filter_map(name_and_type).collect()
    }
}

/// The name and the type in `Name: NAME, Type: TYPE, …`.
fn name_and_type(text: &'static str) -> Option<(&'static str, &'static str)> {
    let (_, rest) = text.split_once("Name: ")?;
    let (name, rest) = rest.split_once(", Type: ")?;
    let (kind, _) = rest.split_once(',')?;
    Some((name, kind))
}
