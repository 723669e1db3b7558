//! What is to be asked: a named query with its parameters, or a statement of the person's own.

use aws_io::athena::ExecutionId;
use lake_schema::queries::{NAMED, NamedQuery, ParameterError, ParameterKind};
use maud::{Markup, html};
use url::form_urlencoded;

use super::PATH;
use crate::{
    api,
    lake::Lake,
    price::{price, size},
    text::shell_word,
};

/// The value of `query` for a statement of one's own.
const FREE: &str = "sql";
/// With all quotes escaped, a longer statement would fill a page.
pub(super) const MOST_SQL_BYTES: usize = 4_000;
/// What the field shows at first.
const EXAMPLE: &str = "select event, count(*) as n\nfrom product_events\nwhere dt >= '2026-01-01'\ngroup by event\norder by n desc\nlimit 20";

/// What was chosen, by an address or by a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Chosen {
    Named(NamedQuery, Vec<(String, String)>),
    Free(String),
}

/// What an address or a form says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) chosen: Chosen,
    /// The run whose result is looked at.
    pub(super) run: Option<ExecutionId>,
    pub(super) is_file: bool,
}

/// The names that are none of the search's.
pub(super) fn own_names() -> Vec<&'static str> {
    let parameters = NAMED.iter().flat_map(|query| query.parameters);
    ["query", "sql", "run", "format", "token"]
        .into_iter()
        .chain(parameters.map(|parameter| parameter.name))
        .collect()
}

impl Request {
    /// Reads the pairs of an address or of a form; the first query is the one that shows most.
    pub(super) fn read(encoded: &[u8]) -> Self {
        let pairs: Vec<(String, String)> = form_urlencoded::parse(encoded)
            .into_owned()
            .take(100)
            .collect();
        let one = |name: &str| {
            let pair = pairs.iter().find(|(given, _)| given == name);
            pair.map(|(_, value)| value.as_str())
        };
        let chosen = match one("query") {
            Some(FREE) => Chosen::Free(one("sql").unwrap_or_default().to_owned()),
            name => {
                let named = name
                    .and_then(NamedQuery::find)
                    .or_else(|| NamedQuery::find("users_by_day"));
                match named {
                    Some(named) => {
                        let given = named.parameters.iter().filter_map(|parameter| {
                            let value = one(parameter.name)?.trim();
                            Some((parameter.name.to_owned(), value.to_owned()))
                        });
                        Chosen::Named(named, given.collect())
                    }
                    None => Chosen::Free(String::new()),
                }
            }
        };
        Self {
            chosen,
            run: one("run").and_then(ExecutionId::parse),
            is_file: one("format") == Some("csv"),
        }
    }

    /// The address of a run's result, which says what was asked. A statement of one's own is known to Athena.
    pub(super) fn address_of(&self, run: &ExecutionId, format: Option<&str>) -> String {
        let mut params = self.chosen.params();
        params.push(("run".to_owned(), run.to_string()));
        params.extend(format.map(|format| ("format".to_owned(), format.to_owned())));
        api::address(PATH, &params)
    }
}

/// What is wrong with what was chosen.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Problem {
    #[error(transparent)]
    Parameter(#[from] ParameterError),
    #[error("the statement is empty: write one, or choose a query above")]
    Empty,
    #[error("the statement is longer than {MOST_SQL_BYTES} bytes: run it with `cistern query`")]
    TooLong,
}

impl Chosen {
    /// The statement, without a semicolon at its end, which Athena does not take everywhere.
    pub(super) fn sql(&self) -> Result<String, Problem> {
        match self {
            Self::Named(query, values) => Ok(query.with(values)?),
            Self::Free(sql) => {
                let sql = sql.trim().trim_end_matches(';').trim_end();
                if sql.is_empty() {
                    Err(Problem::Empty)
                } else if sql.len() > MOST_SQL_BYTES {
                    Err(Problem::TooLong)
                } else {
                    Ok(sql.to_owned())
                }
            }
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Named(query, _) => query.name,
            Self::Free(_) => FREE,
        }
    }

    fn params(&self) -> api::Params {
        let mut params = vec![("query".to_owned(), self.name().to_owned())];
        if let Self::Named(_, values) = self {
            params.extend(values.iter().cloned());
        }
        params
    }

    /// The same on the command line.
    pub(super) fn command(&self) -> String {
        match self {
            Self::Named(query, values) => {
                let settings = values.iter().map(|(name, value)| {
                    format!(" --set {}", shell_word(&format!("{name}={value}")))
                });
                format!(
                    "cistern query --named {}{}",
                    query.name,
                    settings.collect::<String>()
                )
            }
            Self::Free(sql) => format!("cistern query {}", shell_word(sql.trim())),
        }
    }
}

/// The queries to choose from, and the form of the chosen one. `token` proves that a posted form is ours.
pub(super) fn markup(chosen: &Chosen, lake: &Lake, token: &str) -> Markup {
    let limit = lake.scan_limit_bytes();
    let link = |name: &str| api::address(PATH, &[("query".to_owned(), name.to_owned())]);
    let current = |name: &str| (chosen.name() == name).then_some("true");
    html! {
        div.bar-row role="group" aria-label="Queries" {
            @for query in NAMED { a href=(link(query.name)) aria-current=[current(query.name)] { (query.name.replace('_', " ")) } }
            a href=(link(FREE)) aria-current=[current(FREE)] { "your own SQL" }
        }
        form method="post" action=(PATH) {
            input type="hidden" name="token" value=(token);
            input type="hidden" name="query" value=(chosen.name());
            @match chosen {
                Chosen::Named(query, values) => (named(query, values)),
                Chosen::Free(sql) => {
                    label for="sql" { "One statement that reads, in Athena's SQL" }
                    textarea id="sql" name="sql" rows="8" spellcheck="false" maxlength=(MOST_SQL_BYTES) required {
                        "\n" (crate::text::visible(if sql.trim().is_empty() { EXAMPLE } else { sql }))
                    }
                },
            }
            p.note {
                "Reads at most " (size(limit)) ", for " (price(limit)) "; what would read more is cancelled. Most read far less: a condition on "
                code { "dt" } " leaves days out, and only the named columns are read. The least that is billed is " (size(10_000_000)) "."
            }
            button.main type="submit" { "Run" }
        }
    }
}

fn named(query: &NamedQuery, values: &[(String, String)]) -> Markup {
    html! {
        p { (query.description()) }
        @if !query.parameters.is_empty() {
            div.fields {
                @for parameter in query.parameters {
                    @let given = values.iter().find(|(name, _)| name == parameter.name);
                    @let value = given.map_or(parameter.default, |(_, value)| value.as_str());
                    div {
                        label for={ "p-" (parameter.name) } { (parameter.label) }
                        @match parameter.kind {
                            ParameterKind::Days => input id={ "p-" (parameter.name) } name=(parameter.name) value=(crate::text::visible(value)) inputmode="numeric" required maxlength="4";,
                            ParameterKind::EventName => input id={ "p-" (parameter.name) } name=(parameter.name) value=(crate::text::visible(value)) required maxlength="200";,
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_an_address_says_is_read_and_written_again() {
        let id = ExecutionId::parse("a-1").unwrap();
        let request = Request::read(b"query=funnel&first=it%27s&days=7&other=1&run=a-1");

        let address = request.address_of(&id, Some("csv"));

        assert_eq!(
            address,
            "/console/product-events?query=funnel&first=it%27s&days=7&run=a-1&format=csv"
        );
        let again = Request::read(address.split_once('?').unwrap().1.as_bytes());
        assert_eq!((&again.chosen, &again.run), (&request.chosen, &Some(id)));
        assert!(again.is_file && !request.is_file);
        assert_eq!(
            request.chosen.command(),
            r"cistern query --named funnel --set 'first=it'\''s' --set 'days=7'"
        );
    }

    #[test]
    fn nothing_chosen_is_the_first_look_and_no_name_leads_to_sql() {
        for query in ["", "query=", "query=nothing&days=x"] {
            let chosen = Request::read(query.as_bytes()).chosen;
            assert_eq!(chosen.name(), "users_by_day", "{query}");
        }
        assert_eq!(
            Request::read(b"query=sql&sql=select+1").chosen,
            Chosen::Free("select 1".to_owned())
        );
        assert_eq!(Request::read(b"run=a%2Fb").run, None);
    }

    #[test]
    fn statements_are_one_and_short() {
        let sql = |text: &str| Chosen::Free(text.to_owned()).sql();

        assert_eq!(sql(" select 1 ; ").as_deref(), Ok("select 1"));
        assert_eq!(sql(" ; "), Err(Problem::Empty));
        assert_eq!(sql(&"x".repeat(MOST_SQL_BYTES + 1)), Err(Problem::TooLong));
        let wrong = Request::read(b"query=top_events&days=0").chosen.sql();
        assert!(
            wrong
                .unwrap_err()
                .to_string()
                .starts_with("days must be a number")
        );
    }

    proptest! {
        #[test]
        fn any_form_is_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let request = Request::read(&bytes);
            prop_assert!(NAMED.iter().any(|query| query.name == request.chosen.name()) || request.chosen.name() == FREE);
        }
    }
}
