//! A search as a person builds it. Its parameters are the API's own, so a page's address says what to ask the API.

use std::borrow::Cow;

use jiff::Timestamp;
use url::form_urlencoded;

use crate::{
    api::{self, Params},
    filter::{FILTERS, MATCH, MATCH_EXACT, METADATA, NARROWING, OLDER_NAMES, is_by_words},
    range::{Problem, Range},
    text::{has_hidden, without_hidden},
};

/// The API takes 4,096 bytes; each link on a page repeats the search.
const LONGEST_QUERY: usize = 1_500;
/// From this length on, a page has fewer links.
const LONG_QUERY: usize = 300;

/// What is searched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Search {
    pub(crate) range: Range,
    /// Parameters and their values, one value each, in the order of the address.
    pub(crate) filters: Vec<(Cow<'static, str>, String)>,
    pub(crate) cursor: Option<String>,
    /// Parameters that are not understood, and so do not narrow.
    pub(crate) ignored: Vec<String>,
}

impl Search {
    /// Reads an address's query, of which `own` are the page's own parameters.
    pub(crate) fn parse(query: &str, own: &[&str], now: Timestamp) -> (Self, Vec<Problem>) {
        let (mut from, mut to, mut zone) = (String::new(), String::new(), String::new());
        let (mut filters, mut ignored, mut cursor) = (Vec::new(), Vec::new(), None);
        let mut problems = Vec::new();
        let kept = if query.len() > LONGEST_QUERY {
            let message =
                "makes too long a search for the console: leave out some values, or ask the API";
            problems.push(Problem {
                param: "address",
                message,
            });
            ""
        } else {
            query
        };
        for (name, value) in form_urlencoded::parse(kept.as_bytes()) {
            let (name, value) = (
                without_hidden(&name),
                without_hidden(&value).trim().to_owned(),
            );
            if value.is_empty() || own.contains(&name.as_str()) {
                continue;
            }
            let name = OLDER_NAMES
                .iter()
                .find(|(_, older)| *older == name)
                .map_or(name.as_str(), |(name, _)| *name);
            match name {
                "from" => from = value,
                "to" => to = value,
                "timezone" => zone = value,
                "cursor" => cursor = Some(value),
                // A form has no names that a person chooses.
                "metadata" => match value.split_once(':') {
                    Some((key, value)) => filters.push((
                        format!("{METADATA}{}", key.trim()).into(),
                        value.trim().to_owned(),
                    )),
                    None => problems.push(Problem {
                        param: "metadata",
                        message: "is no key and value: write them as plan:gold",
                    }),
                },
                name => match FILTERS
                    .iter()
                    .take(NARROWING)
                    .find(|filter| filter.name == name)
                {
                    Some(filter) => filters.push((filter.name.into(), value)),
                    None if name.starts_with(METADATA) => {
                        filters.push((name.to_owned().into(), value));
                    }
                    None => ignored.push(name.to_owned()),
                },
            }
        }
        let (range, more) = Range::parse(&from, &to, &zone, now);
        problems.extend(more);
        (
            Self {
                range,
                filters,
                cursor,
                ignored,
            },
            problems,
        )
    }

    /// The same, of all types.
    pub(crate) fn without_types(mut self) -> Self {
        self.filters.retain(|(name, _)| name != "events");
        self
    }

    /// A search of everything in a range.
    pub(crate) fn of(range: Range) -> Self {
        Self {
            range,
            filters: Vec::new(),
            cursor: None,
            ignored: Vec::new(),
        }
    }

    /// Narrowed further.
    pub(crate) fn with(&self, name: &'static str, value: &str) -> Self {
        let mut search = Self {
            cursor: None,
            ..self.clone()
        };
        let filter = (Cow::Borrowed(name), value.to_owned());
        if !search.filters.contains(&filter) {
            search.filters.push(filter);
        }
        search
    }

    /// Narrowed to one value of a parameter, whatever its values were.
    pub(crate) fn only(&self, name: &'static str, value: &str) -> Self {
        let mut search = self.clone();
        search.filters.retain(|(other, _)| other != name);
        search.with(name, value)
    }

    /// Narrowed to the events of a group, which has exactly this value.
    ///
    /// A parameter that is compared by words needs `match=exact` for that. That is one choice for the whole search, and would change
    /// what another parameter finds by words. Beside such a one it is left out, and the link [finds more](Self::is_loose_for).
    pub(crate) fn exactly(&self, name: &'static str, value: &str) -> Self {
        let narrowed = self.only(name, value);
        if is_by_words(name) && !self.is_loose_for(name) {
            narrowed.only(MATCH, MATCH_EXACT)
        } else {
            narrowed
        }
    }

    /// Whether [`Self::exactly`] finds longer texts with the same words too.
    pub(crate) fn is_loose_for(&self, name: &str) -> bool {
        let mut others = self.filters.iter().filter(|(other, _)| other != name);
        is_by_words(name)
            && self.value(MATCH) != MATCH_EXACT
            && others.any(|(other, _)| is_by_words(other))
    }

    /// Whether both have the same filters, in any order.
    pub(crate) fn has_filters_of(&self, other: &Self) -> bool {
        let sorted = |search: &Self| {
            let mut filters = search.filters.clone();
            filters.sort();
            filters
        };
        sorted(self) == sorted(other)
    }

    /// Without one of its filters.
    pub(crate) fn without(&self, index: usize) -> Self {
        let mut search = Self {
            cursor: None,
            ..self.clone()
        };
        if index < search.filters.len() {
            search.filters.remove(index);
        }
        search
    }

    /// Of another range.
    pub(crate) fn within(&self, range: Range) -> Self {
        Self {
            range,
            cursor: None,
            ..self.clone()
        }
    }

    /// The page that a cursor leads to. It belongs to a range, which must not move meanwhile.
    pub(crate) fn at(&self, cursor: String) -> Self {
        Self {
            cursor: Some(cursor),
            range: self.range.fixed(),
            ..self.clone()
        }
    }

    /// The values of a parameter, as one text.
    pub(crate) fn value(&self, name: &str) -> String {
        let values = self
            .filters
            .iter()
            .filter(|(other, _)| other == name)
            .map(|(_, value)| value.as_str());
        values.collect::<Vec<_>>().join(",")
    }

    /// Whether links on a page may repeat it often.
    pub(crate) fn is_short(&self) -> bool {
        self.link("").len() <= LONG_QUERY
    }

    /// The address of a page that shows it.
    pub(crate) fn link(&self, path: &str) -> String {
        self.link_with(path, &[])
    }

    /// The address of a page that shows it, with parameters of the page.
    pub(crate) fn link_with(&self, path: &str, own: &[(&str, &str)]) -> String {
        let (from, to) = &self.range.written;
        let mut params = vec![("from".to_owned(), from.clone())];
        if !to.is_empty() {
            params.push(("to".to_owned(), to.clone()));
        }
        if self.range.zone.name != "UTC" {
            params.push(("timezone".to_owned(), self.range.zone.name.clone()));
        }
        params.extend(
            self.filters
                .iter()
                .map(|(name, value)| (name.to_string(), value.clone())),
        );
        params.extend(
            self.cursor
                .iter()
                .map(|cursor| ("cursor".to_owned(), cursor.clone())),
        );
        params.extend(
            own.iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        api::address(path, &params)
    }

    /// What the API is asked: the same with times that do not move.
    pub(crate) fn params(&self) -> Params {
        let mut params = vec![
            ("from".to_owned(), self.range.from.to_string()),
            ("to".to_owned(), self.range.to.to_string()),
        ];
        if self.range.zone.name != "UTC" {
            params.push(("timezone".to_owned(), self.range.zone.name.clone()));
        }
        params.extend(
            self.filters
                .iter()
                .map(|(name, value)| (name.to_string(), value.clone())),
        );
        params
    }

    /// The parameters of one page of the search.
    pub(crate) fn page_params(&self, per_page: u32) -> Params {
        let mut params = self.params();
        params.push(("per_page".to_owned(), per_page.to_string()));
        params.extend(
            self.cursor
                .iter()
                .map(|cursor| ("cursor".to_owned(), cursor.clone())),
        );
        params
    }

    /// The same for a page that shows no total: counting the matches may take longer than finding the first of them.
    pub(crate) fn uncounted_params(&self, per_page: u32) -> Params {
        let mut params = self.page_params(per_page);
        params.push(("total_count".to_owned(), "none".to_owned()));
        params
    }
}

/// A value that can be searched for as it is: lists are split at commas.
pub(crate) fn is_searchable(value: &str) -> bool {
    !value.is_empty()
        && value.len() <= 100
        && !value.contains(',')
        && value.trim() == value
        && !has_hidden(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(query: &str) -> (Search, Vec<Problem>) {
        Search::parse(query, &["tab"], "2026-11-21T12:00:00Z".parse().unwrap())
    }

    #[test]
    fn address_is_the_apis_and_comes_back() {
        let (search, problems) = parse(
            "events=bounce&events=open&recipients=a%40b.c&from=-7d&timezone=Europe/Berlin&metadata.plan=gold&tab=x&page=2&Events=open&subjects=",
        );

        assert_eq!(problems, []);
        assert_eq!(search.ignored, ["page", "Events"]);
        assert_eq!(
            search.link("/console/events"),
            "/console/events?from=-7d&timezone=Europe%2FBerlin&events=bounce&events=open&recipients=a%40b.c&metadata.plan=gold"
        );
        assert_eq!(
            api::address("", &search.page_params(40)),
            "?from=2026-11-14T12%3A00%3A00Z&to=2026-11-21T12%3A00%3A00Z&timezone=Europe%2FBerlin&events=bounce&events=open&recipients=a%40b.c&metadata.plan=gold&per_page=40"
        );
    }

    #[test]
    fn filters_are_added_once_replaced_and_taken_away_and_each_leaves_the_page() {
        let (search, _) = parse("events=bounce&cursor=abc");

        let both = search.with("events", "open").with("events", "open");
        assert_eq!(
            (both.value("events").as_str(), &both.cursor),
            ("bounce,open", &None)
        );
        assert_eq!(both.only("events", "click").value("events"), "click");
        assert_eq!(both.without(0).value("events"), "open");
        assert_eq!(both.without(9), both);
        assert!(
            search
                .at("next".to_owned())
                .link("")
                .ends_with("&events=bounce&cursor=next")
        );
        assert!(!search.at("next".to_owned()).range.is_open());
    }

    #[test]
    fn older_names_of_the_api_mean_the_same() {
        let (search, _) = parse("campaign_ids=summer&friendly_froms=a%40b.c");

        assert_eq!(search.ignored, Vec::<String>::new());
        assert_eq!(search.value("campaigns"), "summer");
        assert_eq!(search.value("from_addresses"), "a@b.c");
    }

    #[test]
    fn form_of_metadata_is_a_key_and_a_value() {
        assert_eq!(parse("metadata=plan:gold").0.value("metadata.plan"), "gold");
        assert_eq!(parse("metadata=gold").1[0].param, "metadata");
    }

    #[test]
    fn too_long_a_search_is_told_and_not_cut() {
        let (search, problems) = parse(&format!("recipients={}", "a".repeat(1_500)));
        assert_eq!((search.filters.len(), problems[0].param), (0, "address"));
    }

    proptest! {
        #[test]
        fn search_reads_its_own_address(
            filters in prop::collection::vec((0..NARROWING - 1, "[^ \u{0}]{1,3}|[&=+%#,é<>\"']{1,8}"), 0..6), from in "-[1-9]d", zone in prop::sample::select(vec!["UTC", "Asia/Tokyo"]),
        ) {
            let now = "2026-11-21T12:00:00Z".parse().unwrap();
            let mut search = Search::of(Range::parse(&from, "", zone, now).0);
            for (index, value) in &filters {
                prop_assume!(value.trim() == value && !value.is_empty() && !has_hidden(value));
                search = search.with(FILTERS[*index].name, value);
            }

            let link = search.link("/console/events");
            let (read, problems) = Search::parse(link.split_once('?').unwrap().1, &[], now);
            prop_assert_eq!(problems, []);
            prop_assert_eq!(read, search);
        }
    }
}
