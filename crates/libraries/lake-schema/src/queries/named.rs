//! Queries that are offered by name, and their parameters.
//!
//! A query is valid SQL as it stands in `queries/<name>.sql`, so Athena can offer it too. A parameter is a literal in that text, which
//! another value takes the place of.

/// A query that is offered by name in Athena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamedQuery {
    /// Its name, as in `queries/<name>.sql`.
    pub name: &'static str,
    /// The query, with the default of each parameter.
    pub sql: &'static str,
    /// What can be changed.
    pub parameters: &'static [Parameter],
}

/// A literal of a query that can be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name, of lower case letters and `_`.
    pub name: &'static str,
    /// What a person calls it.
    pub label: &'static str,
    /// The value in the text of the query.
    pub default: &'static str,
    /// Which other values it can have.
    pub kind: ParameterKind,
}

/// The values of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterKind {
    /// A number of days, from 1 to [`MAX_DAYS`].
    Days,
    /// The name of an event, of up to [`MAX_NAME_BYTES`] bytes.
    EventName,
}

/// Ten years.
pub const MAX_DAYS: u32 = 3_660;
/// Longer names of events are cut when they are stored.
pub const MAX_NAME_BYTES: usize = 1_024;

/// A value that a query cannot be asked with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    /// The query has no parameter of this name.
    #[error("{query} has no parameter {name}; it has {}", known.join(", "))]
    Unknown {
        /// The query.
        query: &'static str,
        /// The name given.
        name: String,
        /// The names of its parameters, or `none`.
        known: Vec<&'static str>,
    },
    /// The value is not one of the parameter's kind.
    #[error("{name} must be {expected}")]
    Value {
        /// The parameter.
        name: &'static str,
        /// What it takes.
        expected: String,
    },
}

const fn days(default: &'static str) -> Parameter {
    Parameter {
        name: "days",
        label: "Days",
        default,
        kind: ParameterKind::Days,
    }
}

const fn event(name: &'static str, label: &'static str, default: &'static str) -> Parameter {
    Parameter {
        name,
        label,
        default,
        kind: ParameterKind::EventName,
    }
}

macro_rules! named {
    ($($name:literal: [$($parameter:expr),* $(,)?]),* $(,)?) => {
        [$(NamedQuery {
            name: $name,
            sql: include_str!(concat!("../../queries/", $name, ".sql")),
            parameters: &[$($parameter),*],
        }),*]
    };
}

/// Queries over product events. The first three are those of the article that the cost comparison is about.
pub const NAMED: [NamedQuery; 7] = named![
    "users_of_last_month": [],
    "logins_of_last_year": [event("event", "Event", "LOGIN"), days("365")],
    "users_of_last_year": [days("365")],
    "users_by_day": [days("30")],
    "top_events": [days("7")],
    "funnel": [
        event("first", "First step", "page_view"),
        event("second", "Second step", "add_to_cart"),
        event("third", "Third step", "purchase"),
        days("30"),
    ],
    "retention": [days("84")],
];

impl NamedQuery {
    /// The query of a name.
    pub fn find(name: &str) -> Option<Self> {
        NAMED.into_iter().find(|query| query.name == name)
    }

    /// What the query tells: its first line.
    pub fn description(&self) -> &'static str {
        self.sql
            .lines()
            .next()
            .unwrap_or_default()
            .trim_start_matches(['-', ' '])
    }

    /// The statement for the given values of parameters, without the comments that tell the defaults. A parameter that is not given
    /// has its default.
    ///
    /// # Errors
    /// A name that is no parameter, or a value that is none of its kind.
    pub fn with(&self, values: &[(String, String)]) -> Result<String, ParameterError> {
        let unknown = values
            .iter()
            .find(|(name, _)| !self.parameters.iter().any(|known| known.name == name));
        if let Some((name, _)) = unknown {
            let names: Vec<_> = self.parameters.iter().map(|known| known.name).collect();
            return Err(ParameterError::Unknown {
                query: self.name,
                name: name.clone(),
                known: if names.is_empty() {
                    vec!["none"]
                } else {
                    names
                },
            });
        }
        let mut literals = Vec::new();
        for parameter in self.parameters {
            let given = values.iter().find(|(name, _)| name == parameter.name);
            let value = given.map_or(parameter.default, |(_, value)| value.as_str());
            literals.push((quoted(parameter.default), parameter.literal(value)?));
        }
        let lines = self.sql.lines().filter(|line| !line.starts_with("--"));
        let statement: Vec<String> = lines.map(|line| replace(line, &literals)).collect();
        Ok(statement.join("\n"))
    }
}

impl Parameter {
    /// The value as a literal of SQL.
    fn literal(&self, value: &str) -> Result<String, ParameterError> {
        let is_right = match self.kind {
            ParameterKind::Days => {
                value.bytes().all(|byte| byte.is_ascii_digit())
                    && value
                        .parse()
                        .is_ok_and(|days| (1..=MAX_DAYS).contains(&days))
            }
            ParameterKind::EventName => {
                (1..=MAX_NAME_BYTES).contains(&value.len()) && !value.contains(char::is_control)
            }
        };
        if is_right {
            return Ok(quoted(value));
        }
        Err(ParameterError::Value {
            name: self.name,
            expected: self.kind.expected(),
        })
    }
}

impl ParameterKind {
    /// The values, in words.
    pub fn expected(self) -> String {
        match self {
            Self::Days => format!("a number of days from 1 to {MAX_DAYS}"),
            Self::EventName => {
                format!("the name of an event, of 1 to {MAX_NAME_BYTES} bytes without controls")
            }
        }
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Replaces each literal once, from left to right, so that a value is never taken for another parameter's default.
fn replace(line: &str, literals: &[(String, String)]) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    loop {
        let next = literals
            .iter()
            .filter_map(|(there, here)| Some((rest.find(there.as_str())?, there, here)))
            .min_by_key(|(at, _, _)| *at);
        let Some((at, there, here)) = next else {
            out.push_str(rest);
            return out;
        };
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        out.push_str(here);
        rest = after.get(there.len()..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(values: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        values.iter().map(owned).collect()
    }

    #[test]
    fn named_queries_say_what_they_tell_and_read_the_view() {
        for query in NAMED {
            assert!(query.description().ends_with('.') || query.description().contains(". "));
            assert!(query.sql.contains("from product_events"), "{}", query.name);
            assert!(
                query.sql.contains("dt >= "),
                "{} reads every day",
                query.name
            );
        }
    }

    #[test]
    fn defaults_are_in_the_text_and_give_the_query_itself() {
        for query in NAMED {
            for parameter in query.parameters {
                let literal = quoted(parameter.default);
                assert!(query.sql.contains(&literal), "{} {literal}", query.name);
                assert_eq!(parameter.literal(parameter.default), Ok(literal));
            }
            let defaults: Vec<_> = query
                .parameters
                .iter()
                .map(|parameter| (parameter.name.to_owned(), parameter.default.to_owned()))
                .collect();
            let body: Vec<_> = query
                .sql
                .lines()
                .filter(|line| !line.starts_with("--"))
                .collect();

            assert_eq!(query.with(&[]).unwrap(), body.join("\n"));
            assert_eq!(query.with(&defaults), query.with(&[]));
        }
    }

    #[test]
    fn values_take_the_place_of_defaults_and_of_nothing_else() {
        let funnel = NamedQuery::find("funnel").unwrap();

        let sql = funnel
            .with(&given(&[
                ("first", "add_to_cart"),
                ("second", "it's"),
                ("days", "7"),
            ]))
            .unwrap();

        assert_eq!(sql.matches("'add_to_cart'").count(), 2, "{sql}");
        assert_eq!(sql.matches("'it''s'").count(), 2, "{sql}");
        assert_eq!(sql.matches("interval '7' day").count(), 3, "{sql}");
        assert!(
            !sql.contains("page_view") && sql.contains("'purchase'"),
            "{sql}"
        );
    }

    #[test]
    fn what_is_no_value_is_named_with_what_would_be() {
        let top = NamedQuery::find("top_events").unwrap();
        let table = [
            (top, "days", "0"),
            (top, "days", "3661"),
            (top, "days", "7' day); drop"),
            (top, "days", "+7"),
            (top, "days", ""),
            (NamedQuery::find("funnel").unwrap(), "first", ""),
            (NamedQuery::find("funnel").unwrap(), "first", "a\nb"),
        ];

        for (query, name, value) in table {
            let error = query
                .with(&given(&[(name, value)]))
                .unwrap_err()
                .to_string();
            assert!(error.starts_with(&format!("{name} must be ")), "{error}");
        }
        let error = top.with(&given(&[("weeks", "1")])).unwrap_err().to_string();
        assert_eq!(error, "top_events has no parameter weeks; it has days");
        assert!(NamedQuery::find("tunnel").is_none());
    }
}
