//! What Athena's partition projection makes of a table's properties: the partitions that a query lists.
//!
//! Athena does not look up which partitions exist, so no query finds a key outside the projection. Only Athena evaluates these
//! properties (the emulator and `DuckDB` list folders), so the tests evaluate them here, as far as the template uses them: keys of
//! type `date`, in days or months. Rules:
//! <https://docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html>.

use lake_schema::{
    Period,
    layout::{first_of_month, format_partition, parse_day},
};
use time::{Date, Duration, OffsetDateTime};

use crate::template::Resource;

/// A table's projection for one first day.
#[derive(Clone, Debug)]
pub(crate) struct Projection {
    keys: Vec<DateKey>,
    template: String,
}

/// One partition that a query lists.
#[derive(Clone, Debug)]
pub(crate) struct Partition {
    /// The values of the partition keys, in their order.
    pub(crate) values: Vec<String>,
    /// The prefix that the query lists, as a URL that ends in a slash.
    pub(crate) location: String,
}

/// A partition key with its range of days, or of months by their first days.
#[derive(Clone, Debug)]
struct DateKey {
    name: &'static str,
    period: Period,
    from: Bound,
    to: Bound,
}

#[derive(Clone, Copy, Debug)]
enum Bound {
    At(Date),
    /// The current day or month, and this many days after it.
    Now {
        days: i64,
    },
}

impl Projection {
    /// Reads the projection of a Glue table.
    pub(crate) fn of(table: Resource, first_day: Date) -> Self {
        assert_eq!(table.text_of("projection.enabled"), Some("true"));
        let template = table.value("storage.location.template", first_day);
        let location = table.value("Location", first_day);
        assert!(template.starts_with(&location), "{template}");
        assert!(template.ends_with('/'), "{template}");
        let keys = table.partition_keys();
        let keys = keys
            .iter()
            .map(|(name, _)| {
                // Otherwise partitions would share their data.
                assert!(template.contains(&placeholder(name)), "{template}");
                DateKey::of(table, name, first_day)
            })
            .collect();
        Self { keys, template }
    }

    /// The partitions that a query at `now` without conditions lists: every combination of the keys' values.
    pub(crate) fn partitions(&self, now: OffsetDateTime) -> Vec<Partition> {
        let mut partitions = vec![Partition {
            values: Vec::new(),
            location: self.template.clone(),
        }];
        for key in &self.keys {
            let values = key.values(now);
            partitions = partitions
                .iter()
                .flat_map(|partition| values.iter().map(|value| partition.with(key.name, value)))
                .collect();
        }
        partitions
    }
}

impl Partition {
    fn with(&self, key: &str, value: &str) -> Self {
        let mut values = self.values.clone();
        values.push(value.to_owned());
        Self {
            values,
            location: self.location.replace(&placeholder(key), value),
        }
    }
}

impl DateKey {
    fn of(table: Resource, name: &'static str, first_day: Date) -> Self {
        let property =
            |property: &str| table.value(&format!("projection.{name}.{property}"), first_day);
        assert_eq!(property("type"), "date");
        let (format, unit) = (property("format"), property("interval.unit"));
        let period = match (format.as_str(), unit.as_str()) {
            ("yyyy-MM-dd", "DAYS") => Period::Day,
            ("yyyy-MM", "MONTHS") => Period::Month,
            other => panic!("{other:?} is not evaluated here"),
        };
        let range = property("range");
        let (from, to) = range.split_once(',').unwrap();
        Self {
            name,
            period,
            from: Bound::parse(period, from),
            to: Bound::parse(period, to),
        }
    }

    fn values(&self, now: OffsetDateTime) -> Vec<String> {
        let date = |bound| match bound {
            Bound::At(date) => date,
            Bound::Now { days } => now.to_utc().date() + Duration::days(days),
        };
        let (from, to) = (date(self.from), date(self.to));
        let next = |date: &Date| match self.period {
            Period::Day => date.next_day(),
            Period::Month => Some(first_of_month(*date + Duration::days(31))),
        };
        std::iter::successors(Some(from), next)
            .take_while(|date| *date <= to)
            .map(|date| format_partition(self.period, date))
            .collect()
    }
}

impl Bound {
    fn parse(period: Period, text: &str) -> Self {
        let Some(distance) = text.strip_prefix("NOW") else {
            let day = match period {
                Period::Day => parse_day(text),
                Period::Month => parse_day(&format!("{text}-01")),
            };
            return Self::At(day.unwrap());
        };
        let days = match distance {
            "" => 0,
            distance => distance.strip_suffix("DAYS").unwrap().parse().unwrap(),
        };
        assert!(days == 0 || matches!(period, Period::Day), "{text}");
        Self::Now { days }
    }
}

fn placeholder(key: &str) -> String {
    format!("${{{key}}}")
}
