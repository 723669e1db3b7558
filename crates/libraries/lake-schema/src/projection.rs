//! What Athena's partition projection makes of a table's properties: the partitions that a query looks for, and where.
//!
//! Athena asks nobody which partitions exist; a key outside the projection is data that no query sees. Nothing but Athena
//! evaluates these properties (the emulator and `DuckDB` list folders), so this is the second opinion that tests compare the
//! archiver's keys with. Rules:
//! <https://docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html>.

mod dates;

use std::collections::BTreeMap;

use time::OffsetDateTime;

use dates::DateRange;

/// A table's projection, ready to be resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Projection {
    keys: Vec<(String, Values)>,
    template: String,
}

/// One partition that a query would look for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// The values of the partition keys, in their order.
    pub values: Vec<String>,
    /// The prefix it would list, as a URL that ends in a slash.
    pub location: String,
}

/// The values that a partition key can take.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Values {
    Enum(Vec<String>),
    Integer {
        min: i64,
        max: i64,
        interval: i64,
        digits: usize,
    },
    Date(DateRange),
    /// Only those that the query names.
    Injected,
}

/// Properties that project nothing, or nothing that can be known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProjectionError {
    /// `projection.enabled` is not true: Athena would ask Glue for partitions.
    #[error("projection.enabled is not true")]
    NotEnabled,
    /// A property is needed and not there.
    #[error("{property} is missing")]
    Missing {
        /// The property.
        property: String,
    },
    /// A property holds something else than its form allows.
    #[error("{property} is {value:?}: expected {expected}")]
    Invalid {
        /// The property.
        property: String,
        /// Its value.
        value: String,
        /// What it should hold.
        expected: &'static str,
    },
    /// The location does not depend on a partition key, so partitions would share their data.
    #[error("storage.location.template does not hold ${{{key}}}")]
    NotInTemplate {
        /// The partition key.
        key: String,
    },
    /// A query must give the values of an injected key, with `=` or `in`.
    #[error("the query gives no value for the injected key {key}")]
    NoValue {
        /// The partition key.
        key: String,
    },
}

impl Projection {
    /// Reads the properties of a table at `location` whose partition keys are `keys`.
    pub fn from_properties(
        location: &str,
        keys: &[&str],
        properties: &BTreeMap<String, String>,
    ) -> Result<Self, ProjectionError> {
        let is_enabled = properties
            .get("projection.enabled")
            .is_some_and(|value| value.eq_ignore_ascii_case("true"));
        if !is_enabled {
            return Err(ProjectionError::NotEnabled);
        }
        let template = properties
            .get("storage.location.template")
            .cloned()
            .unwrap_or_else(|| hive_template(location, keys));
        let keys = keys
            .iter()
            .map(|key| {
                if !template.contains(&placeholder(key)) {
                    return Err(ProjectionError::NotInTemplate {
                        key: (*key).to_owned(),
                    });
                }
                Ok(((*key).to_owned(), Properties { key, properties }.values()?))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { keys, template })
    }

    /// The partitions that a query at `now` looks for: every combination of the keys' values that `wanted` takes. For an
    /// injected key, `wanted_values` are the values that the query gives it.
    pub fn partitions(
        &self,
        now: OffsetDateTime,
        injected: &BTreeMap<String, Vec<String>>,
        wanted: impl Fn(&str, &str) -> bool,
    ) -> Result<Vec<Partition>, ProjectionError> {
        let mut partitions = vec![Partition {
            values: Vec::new(),
            location: with_final_slash(&self.template),
        }];
        for (key, values) in &self.keys {
            let mut values = values
                .list(now)
                .or_else(|| injected.get(key).cloned())
                .ok_or_else(|| ProjectionError::NoValue { key: key.clone() })?;
            values.retain(|value| wanted(key, value));
            partitions = partitions
                .iter()
                .flat_map(|partition| values.iter().map(|value| partition.with(key, value)))
                .collect();
        }
        Ok(partitions)
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

impl Values {
    fn list(&self, now: OffsetDateTime) -> Option<Vec<String>> {
        match self {
            Self::Enum(values) => Some(values.clone()),
            Self::Integer {
                min,
                max,
                interval,
                digits,
            } => {
                let steps = std::iter::successors(Some(*min), |value| value.checked_add(*interval));
                Some(
                    steps
                        .take_while(|value| value <= max)
                        .map(|value| format!("{value:0digits$}"))
                        .collect(),
                )
            }
            Self::Date(range) => Some(range.list(now)),
            Self::Injected => None,
        }
    }
}

/// One key's properties.
struct Properties<'a> {
    key: &'a str,
    properties: &'a BTreeMap<String, String>,
}

impl Properties<'_> {
    fn values(&self) -> Result<Values, ProjectionError> {
        let kind = self.required("type")?;
        match kind.trim().to_ascii_lowercase().as_str() {
            // White space is part of an enumerated value.
            "enum" => Ok(Values::Enum(
                self.required("values")?
                    .split(',')
                    .map(str::to_owned)
                    .collect(),
            )),
            "integer" => {
                let (min, max) = self.range()?;
                let bound = |text: &str| text.parse().map_err(|_| self.invalid("range", "min,max"));
                Ok(Values::Integer {
                    min: bound(min)?,
                    max: bound(max)?,
                    interval: self.positive("interval", 1)?,
                    digits: usize::from(self.positive::<u8>("digits", 1)?),
                })
            }
            "date" => self.date_range().map(Values::Date),
            "injected" => Ok(Values::Injected),
            _ => Err(self.invalid("type", "enum, integer, date or injected")),
        }
    }

    fn date_range(&self) -> Result<DateRange, ProjectionError> {
        DateRange::new(
            self.required("format")?,
            self.range()?,
            self.positive("interval", 1)?,
            self.optional("interval.unit").map(str::trim),
        )
        .map_err(|wrong| self.invalid(wrong.property(), wrong.expected()))
    }

    fn range(&self) -> Result<(&str, &str), ProjectionError> {
        let (min, max) = self
            .required("range")?
            .split_once(',')
            .ok_or_else(|| self.invalid("range", "min,max"))?;
        Ok((min.trim(), max.trim()))
    }

    fn positive<T>(&self, property: &str, default: T) -> Result<T, ProjectionError>
    where
        T: std::str::FromStr + PartialOrd + From<u8>,
    {
        let Some(text) = self.optional(property) else {
            return Ok(default);
        };
        text.trim()
            .parse()
            .ok()
            .filter(|number| *number >= T::from(1))
            .ok_or_else(|| self.invalid(property, "a number above 0"))
    }

    fn required(&self, property: &str) -> Result<&str, ProjectionError> {
        self.optional(property)
            .ok_or_else(|| ProjectionError::Missing {
                property: self.name(property),
            })
    }

    fn optional(&self, property: &str) -> Option<&str> {
        self.properties
            .get(&self.name(property))
            .map(String::as_str)
    }

    fn invalid(&self, property: &str, expected: &'static str) -> ProjectionError {
        ProjectionError::Invalid {
            property: self.name(property),
            value: self.optional(property).unwrap_or_default().to_owned(),
            expected,
        }
    }

    fn name(&self, property: &str) -> String {
        format!("projection.{}.{property}", self.key)
    }
}

fn placeholder(key: &str) -> String {
    format!("${{{key}}}")
}

/// Where partitions are when the table does not say: in folders `key=value`, nested in the order of the keys.
fn hive_template(location: &str, keys: &[&str]) -> String {
    keys.iter().fold(with_final_slash(location), |path, key| {
        format!("{path}{key}={}/", placeholder(key))
    })
}

fn with_final_slash(location: &str) -> String {
    format!("{}/", location.trim_end_matches('/'))
}

#[cfg(test)]
mod tests;
