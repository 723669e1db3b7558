//! Renders a search as SQL.
//!
//! The text is made of the literals in this file, the names of our own columns and the spelling of known event types.
//! Types are literals because the planner matches them to the partial index on rare types; under a generic plan it
//! could not do that with a placeholder. Everything a caller supplied is a placeholder.

use std::collections::BTreeSet;
use std::fmt::Write;

use event_model::Timestamp;
use event_model::sparkpost::EventType;

use crate::cursor::Position;
use crate::filter::{Filter, TextColumn};
use crate::query::{EventQuery, TimeRange};
use crate::statement::{Bind, Statement};

impl EventQuery {
    /// Fetches at most `limit` matching events that come after the row at `after`, newest first.
    pub fn fetch_statement(&self, after: Option<Position>, limit: u32) -> Statement {
        let mut sql = Renderer::new("select ts, event_key, event::text\nfrom events");
        sql.conditions(self);
        if let Some(position) = after {
            sql.after(position);
        }
        let limit = sql.bind(Bind::BigInt(i64::from(limit)));
        sql.line(format_args!(
            "order by ts desc, event_key desc\nlimit {limit}"
        ));
        sql.finish()
    }

    /// Counts matching events, whatever the page, but not beyond `cap`.
    pub fn count_statement(&self, cap: u32) -> Statement {
        let mut sql = Renderer::new("select count(*)\nfrom (\nselect\nfrom events");
        sql.conditions(self);
        let cap = sql.bind(Bind::BigInt(i64::from(cap)));
        sql.line(format_args!("limit {cap}\n) as matching"));
        sql.finish()
    }
}

/// A statement in the making.
struct Renderer {
    sql: String,
    binds: Vec<Bind>,
}

impl Renderer {
    fn new(head: &str) -> Self {
        Self {
            sql: head.to_owned(),
            binds: Vec::new(),
        }
    }

    /// Keeps the value aside and names its placeholder.
    fn bind(&mut self, value: Bind) -> String {
        self.binds.push(value);
        format!("${}", self.binds.len())
    }

    fn bind_time(&mut self, ts: Timestamp) -> String {
        self.bind(Bind::Timestamp(ts.to_time()))
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        let _infallible = write!(self.sql, "\n{line}");
    }

    fn conditions(&mut self, query: &EventQuery) {
        self.range(query.range);
        for filter in query.filters.iter() {
            match filter {
                Filter::EventTypes(types) => self.event_types(types),
                Filter::Text { column, values } => self.text(*column, values),
            }
        }
    }

    /// Half-open, on the bare column: that is what partitions are pruned by.
    fn range(&mut self, TimeRange { from, to }: TimeRange) {
        let (from, to) = (self.bind_time(from), self.bind_time(to));
        self.line(format_args!("where ts >= {from} and ts < {to}"));
    }

    fn event_types(&mut self, types: &BTreeSet<EventType>) {
        let literals: Vec<String> = types.iter().map(|known| format!("'{known}'")).collect();
        self.line(format_args!("  and type in ({})", literals.join(", ")));
    }

    /// One value is compared with `=`, which lets an index on (column, ts) give the order as well; `any` would need
    /// a sort of all matches.
    fn text(&mut self, column: TextColumn, values: &BTreeSet<String>) {
        let column = column.as_sql();
        let mut values: Vec<String> = values.iter().cloned().collect();
        if values.len() == 1
            && let Some(value) = values.pop()
        {
            let value = self.bind(Bind::Text(value));
            self.line(format_args!("  and {column} = {value}"));
        } else {
            let values = self.bind(Bind::TextArray(values));
            self.line(format_args!("  and {column} = any({values})"));
        }
    }

    /// The comparison of rows alone is exact, but prunes no partition newer than the position: hence the bound on
    /// `ts` before it.
    fn after(&mut self, Position { ts, event_key }: Position) {
        let ts = self.bind_time(ts);
        let key = self.bind(Bind::Uuid(event_key.as_u128()));
        self.line(format_args!(
            "  and ts <= {ts} and (ts, event_key) < ({ts}, {key})"
        ));
    }

    fn finish(self) -> Statement {
        Statement {
            sql: self.sql,
            binds: self.binds,
        }
    }
}
