//! Renders a search as SQL.
//!
//! The text is made of the literals in this file, the names of our own columns and event types, whose alphabet is safe.
//! Types are literals because the planner matches them to the partial index on rare types; under a generic plan it
//! could not do that with a placeholder. Everything a caller supplied is a placeholder.

use std::collections::BTreeSet;
use std::fmt::Write;

use event_model::Timestamp;

use crate::filter::{Filter, TextField};
use crate::indexed_keys::IndexedKeys;
use crate::keyword::{KeywordField, Keywords, Phrase};
use crate::position::{PageStart, Position, TimeRange};
use crate::provider;
use crate::query::EventQuery;
use crate::statement::{Bind, Statement};
use crate::type_name::TypeName;
use crate::unfolded;

/// Up to this many phrases are looked up separately, each by all of its words; with more, the index is searched for the
/// longest word of each. Planning time grows with each phrase, in every partition.
const MAX_ALTERNATIVES: usize = 16;

impl EventQuery {
    /// Fetches at most `limit` matching events from `start` on, newest first.
    ///
    /// Payloads are cast to text only for the rows of the page: if Postgres sorts the matches, it would otherwise cast
    /// all of them first, which is the most expensive step.
    pub fn fetch_statement(&self, start: PageStart, limit: u32) -> Statement {
        let mut sql = Renderer::new(
            "select ts, event_key, event::text\nfrom (\nselect ts, event_key, event\nfrom email_events",
        );
        sql.conditions(self);
        if let PageStart::After(position) = start {
            sql.after(position);
        }
        let limit = sql.bind(Bind::BigInt(i64::from(limit)));
        sql.line(format_args!(
            "order by ts desc, event_key desc\nlimit {limit}"
        ));
        if let PageStart::Skipping(skipped) = start {
            let skipped = sql.bind(Bind::BigInt(i64::from(skipped)));
            sql.line(format_args!("offset {skipped}"));
        }
        // Postgres knows that the page has this order, and does not sort it again.
        sql.line(format_args!(") as page\norder by ts desc, event_key desc"));
        sql.finish()
    }

    /// Counts matching events regardless of the page, but not beyond `cap`.
    pub fn count_statement(&self, cap: Option<u32>) -> Statement {
        let Some(cap) = cap else {
            let mut sql = Renderer::new("select count(*)\nfrom email_events");
            sql.conditions(self);
            return sql.finish();
        };
        let mut sql = Renderer::new("select count(*)\nfrom (\nselect\nfrom email_events");
        sql.conditions(self);
        let cap = sql.bind(Bind::BigInt(i64::from(cap)));
        sql.line(format_args!("limit {cap}\n) as matching"));
        sql.finish()
    }
}

/// A statement under construction.
pub(crate) struct Renderer {
    sql: String,
    binds: Vec<Bind>,
}

impl Renderer {
    pub(crate) fn new(head: &str) -> Self {
        Self {
            sql: head.to_owned(),
            binds: Vec::new(),
        }
    }

    /// Adds a bind and returns its placeholder.
    pub(crate) fn bind(&mut self, value: Bind) -> String {
        self.binds.push(value);
        format!("${}", self.binds.len())
    }

    fn bind_time(&mut self, ts: Timestamp) -> String {
        self.bind(Bind::Timestamp(ts.to_time()))
    }

    pub(crate) fn line(&mut self, line: std::fmt::Arguments<'_>) {
        let _infallible = write!(self.sql, "\n{line}");
    }

    pub(crate) fn conditions(&mut self, query: &EventQuery) {
        self.range(query.range);
        for filter in query.filters.iter() {
            match filter {
                Filter::EventTypes(types) => self.event_types(types),
                Filter::Text { field, values } => self.text(*field, values),
                Filter::BounceClasses(classes) => {
                    let classes = self.bind(Bind::SmallIntArray(classes.iter().copied().collect()));
                    self.line(format_args!("  and array[bounce_class] && {classes}"));
                }
                Filter::Subaccounts(ids) => {
                    let ids = self.bind(Bind::IntArray(ids.iter().copied().collect()));
                    self.line(format_args!(
                        "  and array[coalesce(subaccount_id, 0)] && {ids}"
                    ));
                }
                Filter::Keywords(keywords) => self.keywords(keywords),
                Filter::Whole { field, values } => self.whole(*field, values),
                Filter::Providers(names) => {
                    let expression = provider::expression(names);
                    let names = names.iter().map(|name| name.as_str().to_owned()).collect();
                    let condition = self.any_of(expression, names);
                    self.and(&condition);
                }
                Filter::Tags(tags) => {
                    let tags = self.bind(Bind::TextArray(tags.iter().cloned().collect()));
                    self.line(format_args!("  and event->'rcpt_tags' ?| {tags}"));
                }
                Filter::Metadata { key, values } => {
                    let key = IndexedKeys::as_sql(key);
                    let values = values.iter().cloned().collect();
                    let condition = self.any_of(&format!("event->'rcpt_meta'->>{key}"), values);
                    self.and(&condition);
                }
                Filter::ReasonContains(part) => self.reason_contains(part),
            }
        }
    }

    pub(crate) fn bind_range(&mut self, TimeRange { from, to }: TimeRange) -> (String, String) {
        (self.bind_time(from), self.bind_time(to))
    }

    /// Half-open, on the bare column, so that Postgres can prune partitions.
    fn range(&mut self, range: TimeRange) {
        let (from, to) = self.bind_range(range);
        self.line(format_args!("where ts >= {from} and ts < {to}"));
    }

    fn event_types(&mut self, types: &BTreeSet<TypeName>) {
        let literals: Vec<String> = types.iter().map(TypeName::as_sql).collect();
        self.line(format_args!("  and type in ({})", literals.join(", ")));
    }

    fn text(&mut self, field: TextField, values: &BTreeSet<String>) {
        let values: Vec<String> = values.iter().cloned().collect();
        match field {
            TextField::MessageId | TextField::TransmissionId => {
                let condition = self.any_of(field.name(), values);
                self.and(&condition);
            }
            TextField::EventId | TextField::AbTestVersion => {
                let condition = self.any_of(&format!("event->>'{}'", field.name()), values);
                self.and(&condition);
            }
            TextField::RcptTo => {
                let stored = self.any_of(field.name(), values.clone());
                let as_sent = self.overlaps(unfolded::RCPT_TO, values);
                self.either(&stored, unfolded::CONDITION, &as_sent);
            }
            TextField::FriendlyFrom => {
                let stored =
                    self.overlaps(r#"array[lower(friendly_from collate "C")]"#, values.clone());
                let as_sent = self.overlaps(unfolded::FRIENDLY_FROM, values);
                self.either(&stored, unfolded::CONDITION, &as_sent);
            }
            TextField::SendingIp => {
                let condition = self.overlaps("array[event->>'sending_ip']", values);
                self.and(&condition);
            }
        }
    }

    fn and(&mut self, condition: &str) {
        self.line(format_args!("  and {condition}"));
    }

    /// Matches among normalized rows, or among rows stored as sent: two indexes, the second of which is mostly empty.
    fn either(&mut self, stored: &str, is_as_sent: &str, as_sent: &str) {
        self.line(format_args!(
            "  and (\n    {stored}\n    or {is_as_sent} and {as_sent}\n  )"
        ));
    }

    fn reason_contains(&mut self, part: &str) {
        let part = self.bind(Bind::Text(part.to_owned()));
        // Lists of values are separated by spaces.
        let part_of = |text| format!(r"strpos(translate({text}, E'\t\r\n', '   '), {part}) > 0");
        self.line(format_args!("  and reason is not null"));
        self.either(
            &part_of(r#"lower(reason collate "C")"#),
            "foldable(reason)",
            &part_of("folded(reason)"),
        );
    }

    /// One value is compared with `=`, so that an index on (column, ts) also provides the order; `any` would need a
    /// sort of all matches.
    fn any_of(&mut self, column: &str, mut values: Vec<String>) -> String {
        if values.len() == 1
            && let Some(value) = values.pop()
        {
            let value = self.bind(Bind::Text(value));
            format!("{column} = {value}")
        } else {
            let values = self.bind(Bind::TextArray(values));
            format!("{column} = any({values})")
        }
    }

    /// For columns that are only in the inverted index, which compares arrays.
    fn overlaps(&mut self, array: &str, values: Vec<String>) -> String {
        let values = self.bind(Bind::TextArray(values));
        format!("{array} && {values}")
    }

    fn keywords(&mut self, keywords: &Keywords) {
        let stored = self.stored_keywords(keywords);
        let as_sent = self.sent_keywords(keywords);
        // The first check makes the others unnecessary for most events when the plan walks along the events.
        let is_as_sent = format!(
            "foldable({}) and {}",
            keywords.field.column(),
            unfolded::CONDITION
        );
        self.either(&stored, &is_as_sent, &as_sent);
    }

    /// Both sides are normalized, so an event is found in whichever spelling it was stored. The words beside this condition are what the
    /// index finds.
    fn whole(&mut self, field: KeywordField, values: &BTreeSet<String>) {
        let values = self.bind(Bind::TextArray(values.iter().cloned().collect()));
        let text = field.whole_as_sql();
        self.line(format_args!("  and {text} = any({values})"));
    }

    /// The index finds the words. That they are adjacent is checked on its results by `strpos`: the planner would
    /// assume that `like` excludes nearly everything, and plan for that.
    fn stored_keywords(&mut self, Keywords { field, phrases }: &Keywords) -> String {
        let words = field.words_as_sql();
        let spaced = format!("' ' || array_to_string(array_remove({words}, ''), ' ') || ' '");

        if phrases.len() > 1 && (are_single_words(phrases) || phrases.len() > MAX_ALTERNATIVES) {
            return self.longest_words(&words, &spaced, phrases);
        }
        let alternatives: Vec<String> = phrases
            .iter()
            .map(|phrase| self.phrase(*field, &spaced, phrase))
            .collect();
        match alternatives.as_slice() {
            [only] => only.clone(),
            several => format!("({})", several.join("\n      or ")),
        }
    }

    fn sent_keywords(&mut self, Keywords { field, phrases }: &Keywords) -> String {
        let words = field.folded_words_as_sql();
        let spaced = format!("' ' || array_to_string({words}, ' ') || ' '");
        self.longest_words(&words, &spaced, phrases)
    }

    /// Searches the index for one word of each phrase, and its results for the phrases.
    fn longest_words(&mut self, words: &str, spaced: &str, phrases: &BTreeSet<Phrase>) -> String {
        let one_each = phrases.iter().map(Phrase::longest_word).map(str::to_owned);
        let condition = self.overlaps(words, one_each.collect());
        if are_single_words(phrases) {
            return condition;
        }
        let phrases = self.bind(Bind::TextArray(
            phrases.iter().map(Phrase::spaced).collect(),
        ));
        format!(
            "{condition}\n      and exists (select from unnest({phrases}) as phrase where strpos({spaced}, phrase) > 0)"
        )
    }

    /// When the plan walks along the events in the order of the response, as for frequent words, most events do not
    /// match: a substring search shows that in a third of the time that splitting into words takes. The planner
    /// considers `nullif` true for nearly every row, and so estimates by the words.
    fn phrase(&mut self, field: KeywordField, spaced: &str, phrase: &Phrase) -> String {
        let (text, words) = (field.text_as_sql(), field.words_as_sql());
        let longest = self.bind(Bind::Text(phrase.longest_word().to_owned()));
        let all = self.bind(Bind::TextArray(phrase.words().to_vec()));
        let holds_words =
            format!("nullif(strpos({text}, {longest}), 0) is not null and {words} @> {all}");
        if phrase.words().len() == 1 {
            return holds_words;
        }
        let phrase = self.bind(Bind::Text(phrase.spaced()));
        format!("{holds_words} and strpos({spaced}, {phrase}) > 0")
    }

    /// The row comparison alone is exact, but prunes no partition newer than the position: hence the bound on `ts`
    /// before it.
    fn after(&mut self, Position { ts, event_key }: Position) {
        let ts = self.bind_time(ts);
        let key = self.bind(Bind::Uuid(event_key.as_u128()));
        self.line(format_args!(
            "  and ts <= {ts} and (ts, event_key) < ({ts}, {key})"
        ));
    }

    pub(crate) fn finish(self) -> Statement {
        Statement {
            sql: self.sql,
            binds: self.binds,
        }
    }
}

fn are_single_words(phrases: &BTreeSet<Phrase>) -> bool {
    phrases.iter().all(|phrase| phrase.words().len() == 1)
}
