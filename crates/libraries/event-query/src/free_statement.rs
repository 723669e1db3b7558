//! A statement that somebody wrote, before a database sees it.
//!
//! What a statement may do is decided by the role that it runs as, in a transaction that reads only and is rolled back, on
//! a connection that is closed afterwards. What is refused here is what none of these prevents: functions that take locks
//! or write the log of the server whatever the transaction, and functions that run other statements out of a text, in
//! which the former could hide. The words are looked for in the whole text, also in comments and literals, so that nothing
//! depends on reading SQL in the same way as Postgres does.

use crate::error::ParamError;

/// One statement that yields rows.
#[derive(Clone, PartialEq, Eq)]
pub struct FreeStatement {
    text: String,
    kind: StatementKind,
}

/// How a statement is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatementKind {
    /// A query, which may stand in the `from` of another one.
    Query,
    /// `show` and `explain`, which may not.
    Report,
}

/// The longest statement, in bytes.
pub const MAX_STATEMENT_BYTES: usize = 64 * 1024;

/// What a statement may begin with.
const BEGINNINGS: [(&str, StatementKind); 6] = [
    ("select", StatementKind::Query),
    ("with", StatementKind::Query),
    ("values", StatementKind::Query),
    ("table", StatementKind::Query),
    ("show", StatementKind::Report),
    ("explain", StatementKind::Report),
];

/// Beginnings of names of functions that are not allowed, with the reason.
const REFUSED_PREFIXES: [(&str, &str); 9] = [
    ("pg_advisory", LOCKS),
    ("pg_try_advisory", LOCKS),
    ("pg_logical_", WRITES_LOG),
    ("pg_replication_", WRITES_LOG),
    ("pg_create_", WRITES_LOG),
    ("pg_drop_", WRITES_LOG),
    ("pg_cancel_", ENDS_OTHERS),
    ("pg_terminate_", ENDS_OTHERS),
    ("dblink", RUNS_TEXT),
];

/// Names of functions that are not allowed, with the reason.
const REFUSED_NAMES: [(&str, &str); 34] = [
    ("cursor_to_xml", RUNS_TEXT),
    ("cursor_to_xmlschema", RUNS_TEXT),
    ("database_to_xml", RUNS_TEXT),
    ("database_to_xml_and_xmlschema", RUNS_TEXT),
    ("database_to_xmlschema", RUNS_TEXT),
    ("query_to_xml", RUNS_TEXT),
    ("query_to_xml_and_xmlschema", RUNS_TEXT),
    ("query_to_xmlschema", RUNS_TEXT),
    ("schema_to_xml", RUNS_TEXT),
    ("schema_to_xml_and_xmlschema", RUNS_TEXT),
    ("schema_to_xmlschema", RUNS_TEXT),
    ("table_to_xml", RUNS_TEXT),
    ("table_to_xml_and_xmlschema", RUNS_TEXT),
    ("table_to_xmlschema", RUNS_TEXT),
    ("ts_rewrite", RUNS_TEXT),
    ("ts_stat", RUNS_TEXT),
    ("set_config", SETS),
    ("pg_notify", ENDS_OTHERS),
    ("pg_export_snapshot", WRITES_LOG),
    ("lo_close", LARGE_OBJECTS),
    ("lo_creat", LARGE_OBJECTS),
    ("lo_create", LARGE_OBJECTS),
    ("lo_export", LARGE_OBJECTS),
    ("lo_from_bytea", LARGE_OBJECTS),
    ("lo_get", LARGE_OBJECTS),
    ("lo_import", LARGE_OBJECTS),
    ("lo_lseek64", LARGE_OBJECTS),
    ("lo_open", LARGE_OBJECTS),
    ("lo_put", LARGE_OBJECTS),
    ("lo_truncate", LARGE_OBJECTS),
    ("lo_truncate64", LARGE_OBJECTS),
    ("lo_unlink", LARGE_OBJECTS),
    ("loread", LARGE_OBJECTS),
    ("lowrite", LARGE_OBJECTS),
];

const LOCKS: &str = "takes locks that others wait for";
const WRITES_LOG: &str = "writes outside of the transaction";
const ENDS_OTHERS: &str = "reaches other connections";
const RUNS_TEXT: &str = "runs another statement";
const SETS: &str = "changes settings";
const LARGE_OBJECTS: &str = "works on large objects";

impl FreeStatement {
    /// Reads the text of one statement; semicolons at its end are left out.
    ///
    /// # Errors
    /// Names `sql`.
    pub fn parse(text: &str) -> Result<Self, ParamError> {
        if text.len() > MAX_STATEMENT_BYTES {
            return Err(refused(format!(
                "must have at most {MAX_STATEMENT_BYTES} bytes"
            )));
        }
        if text.contains('\0') {
            return Err(refused("must not hold a NUL character"));
        }
        let lower = text.to_ascii_lowercase();
        refuse_names(&lower)?;
        let end = end_of_first(text).ok_or_else(|| {
            refused("must be one statement; something stands after its semicolon")
        })?;
        let first = first_word(&lower);
        let kind = BEGINNINGS
            .iter()
            .find(|(beginning, _)| *beginning == first)
            .map(|(_, kind)| *kind)
            .ok_or_else(|| {
                let known = BEGINNINGS.map(|(beginning, _)| beginning).join(", ");
                refused(format!(
                    "must be one query, which begins with one of {known}"
                ))
            })?;
        Ok(Self {
            text: text.get(..end).unwrap_or(text).to_owned(),
            kind,
        })
    }

    /// The text, without semicolons at its end.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How it is run.
    pub fn kind(&self) -> StatementKind {
        self.kind
    }
}

// A statement may hold addresses: a debug line must not carry it.
impl std::fmt::Debug for FreeStatement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FreeStatement")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

fn refused(message: impl Into<std::borrow::Cow<'static, str>>) -> ParamError {
    ParamError::new("sql", message)
}

fn refuse_names(lower: &str) -> Result<(), ParamError> {
    // Escapes within a name would hide it.
    if lower.contains("u&\"") {
        return Err(refused("must not hold names with escapes, U&\"…\""));
    }
    for name in lower.split(|c: char| !is_of_name(c)) {
        let of_prefix = REFUSED_PREFIXES
            .iter()
            .find(|(prefix, _)| name.starts_with(prefix));
        let known = of_prefix.or_else(|| REFUSED_NAMES.iter().find(|(known, _)| *known == name));
        if let Some((known, reason)) = known {
            return Err(refused(format!(
                "must not use {known}…, which {reason}; nor may its name stand in a comment or text"
            )));
        }
    }
    Ok(())
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '$' || !c.is_ascii()
}

/// The first word of a text, after white space, comments and parentheses.
fn first_word(lower: &str) -> &str {
    let mut rest = lower;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '(');
        if !rest.starts_with("--") && !rest.starts_with("/*") {
            break;
        }
        let length = literal_length(rest).max(1);
        rest = rest.get(length..).unwrap_or_default();
    }
    let end = rest.find(|c: char| !is_of_name(c)).unwrap_or(rest.len());
    rest.get(..end).unwrap_or_default()
}

/// Where the first statement ends; `None` if there is more than comments after it.
fn end_of_first(text: &str) -> Option<usize> {
    let mut at = 0;
    let mut end = None;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let is_comment = rest.starts_with("--") || rest.starts_with("/*");
        let length = literal_length(rest);
        let first = rest.chars().next().unwrap_or(' ');
        if length == 0 && first == ';' {
            end = end.or(Some(at));
        } else if end.is_some() && !is_comment && !first.is_ascii_whitespace() {
            return None;
        }
        at += length.max(first.len_utf8());
    }
    Some(end.unwrap_or(text.len()))
}

/// The length of the comment, text or quoted name that `rest` begins with, 0 if it begins with none. One that does not end
/// goes to the end; Postgres says so.
fn literal_length(rest: &str) -> usize {
    let all = rest.len();
    let until = |from: usize, end: &str| {
        let found = rest.get(from..).and_then(|body| body.find(end));
        found.map_or(all, |found| from + found + end.len())
    };
    if rest.starts_with("--") {
        return until(2, "\n");
    }
    if rest.starts_with("/*") {
        return comment_length(rest);
    }
    // E'…' has backslashes. A doubled quote is read as the end of one literal and the beginning of the next.
    if rest.starts_with("e'") || rest.starts_with("E'") {
        return escaped_length(rest);
    }
    if rest.starts_with('\'') {
        return until(1, "'");
    }
    if rest.starts_with('"') {
        return until(1, "\"");
    }
    dollar_tag(rest).map_or(0, |tag| until(tag.len(), tag))
}

/// Comments of this kind nest.
fn comment_length(rest: &str) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(now) = rest.get(at..).filter(|now| !now.is_empty()) {
        if now.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if now.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += now.chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

fn escaped_length(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(2);
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => {
                chars.next();
            }
            '\'' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// `$$` or `$name$`.
fn dollar_tag(rest: &str) -> Option<&str> {
    let body = rest.strip_prefix('$')?;
    let end = body.find('$')?;
    let name = body.get(..end)?;
    let is_name = !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| is_of_name(c) && c != '$');
    is_name.then(|| rest.get(..end + 2)).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn queries_and_reports_are_taken_without_their_semicolon() {
        for (text, expected, kind) in [
            ("select 1", "select 1", StatementKind::Query),
            (
                " /* a /* b */ ; */ (SELECT 1); -- x;\n ;",
                " /* a /* b */ ; */ (SELECT 1)",
                StatementKind::Query,
            ),
            (
                "-- ;\nwith a as (select ';') table a;",
                "-- ;\nwith a as (select ';') table a",
                StatementKind::Query,
            ),
            (
                "select $$;$$, $a$;$$;$a$, \";\", e'\\';', 'it''s;'",
                "select $$;$$, $a$;$$;$a$, \";\", e'\\';', 'it''s;'",
                StatementKind::Query,
            ),
            ("Values (1)", "Values (1)", StatementKind::Query),
            (
                "explain select 1;",
                "explain select 1",
                StatementKind::Report,
            ),
            ("show work_mem", "show work_mem", StatementKind::Report),
        ] {
            let parsed = FreeStatement::parse(text).unwrap();
            assert_eq!((parsed.text(), parsed.kind()), (expected, kind), "{text}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "",
            ";",
            "-- select",
            "select 1; select 2",
            "select 1; drop table email_events",
            "select '; '; commit",
            "selection",
            "delete from email_events",
            "do $$ begin end $$",
            "set role postgres",
            "copy email_events to stdout",
            "select PG_ADVISORY_LOCK(1)",
            "select \"pg_advisory_xact_lock\"(1)",
            "select pg_catalog . pg_try_advisory_lock_shared(1)",
            "select U&\"pg\\005fadvisory_lock\"(1)",
            "select query_to_xml('select 1', true, true, '')",
            "select ts_stat('select 1')",
            "select lo_create(0)",
            "select 1 /* set_config */",
            "select a\0b",
        ] {
            assert_eq!(
                FreeStatement::parse(text).unwrap_err().param,
                "sql",
                "{text}"
            );
        }
        let long = format!("select '{}'", "x".repeat(MAX_STATEMENT_BYTES));
        assert!(FreeStatement::parse(&long).is_err());
        assert!(FreeStatement::parse("select hello_create, balance_lo_created from t").is_ok());
    }

    proptest! {
        #[test]
        fn no_text_panics_and_what_is_taken_is_its_beginning(text in "(select|;|'|\"|\\$a?\\$|--|/\\*|\\*/|\n|e'|\\\\|é| |x){0,12}") {
            if let Ok(parsed) = FreeStatement::parse(&text) {
                prop_assert!(text.starts_with(parsed.text()));
            }
        }
    }
}
