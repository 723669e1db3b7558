//! Events as rows of a table.
//!
//! Spreadsheets execute a cell that begins like a formula, and senders control subjects and link names, so such a cell
//! gets a leading apostrophe unless the caller says that a program reads it
//! (<https://owasp.org/www-community/attacks/CSV_Injection>).

use std::borrow::Cow;
use std::collections::BTreeSet;

use event_model::Timestamp;

use crate::error::ParamError;
use crate::parameter::Parameter;
use crate::raw_params::{Item, RawParams};
use crate::render::{EventStyle, Members, RenderError, write_event};

/// The default columns, in their order. Other members have a column only on request: a table whose columns depend on
/// its rows is of no use.
pub const CSV_COLUMNS: [&str; 32] = [
    "timestamp",
    "type",
    "event_id",
    "rcpt_to",
    "subject",
    "campaign_id",
    "template_id",
    "transmission_id",
    "message_id",
    "friendly_from",
    "sending_domain",
    "recipient_domain",
    "mailbox_provider",
    "mailbox_provider_region",
    "customer_id",
    "subaccount_id",
    "ip_pool",
    "sending_ip",
    "ip_address",
    "bounce_class",
    "error_code",
    "reason",
    "raw_reason",
    "num_retries",
    "queue_time",
    "msg_size",
    "target_link_name",
    "target_link_url",
    "user_agent",
    "geo_ip",
    "rcpt_tags",
    "rcpt_meta",
];

const MAX_COLUMNS: usize = 100;

/// The options of a table, from the parameters `csv` and `columns`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Table {
    columns: Vec<String>,
    /// Cells are written unchanged, for programs.
    is_raw: bool,
    /// The table starts with a byte order mark, without which Excel reads UTF-8 in the code page of the machine.
    has_mark: bool,
}

impl Default for Table {
    fn default() -> Self {
        Self {
            columns: CSV_COLUMNS.map(str::to_owned).to_vec(),
            is_raw: false,
            has_mark: false,
        }
    }
}

impl Table {
    pub(crate) fn parse(given: &RawParams) -> Result<Self, ParamError> {
        let mut table = Self::default();
        for item in given.items(Parameter::Csv, given.delimiter()) {
            match item.text {
                "raw" => table.is_raw = true,
                "bom" => table.has_mark = true,
                _ => return Err(item.error("must hold raw or bom, or both")),
            }
        }
        let chosen: Vec<Item<'_>> = given.items(Parameter::Columns, given.delimiter()).collect();
        if let Some(item) = chosen.get(MAX_COLUMNS) {
            return Err(item.error("must hold at most 100 names of members"));
        }
        if !chosen.is_empty() {
            let mut seen = BTreeSet::new();
            table.columns = chosen
                .iter()
                .filter(|item| seen.insert(item.text))
                .map(|item| item.text.to_owned())
                .collect();
        }
        Ok(table)
    }

    /// The header row.
    pub(crate) fn header(&self) -> String {
        self.header_of(self.columns.iter().map(String::as_str))
    }

    /// A line of other names.
    pub(crate) fn header_of<'a>(&self, names: impl Iterator<Item = &'a str>) -> String {
        let mark = if self.has_mark { "\u{feff}" } else { "" };
        format!("{mark}{}", self.line(names.map(TableCell::Text)))
    }

    /// A line of cells that are no members of an event.
    pub(crate) fn line<'a>(&self, cells: impl Iterator<Item = TableCell<'a>>) -> String {
        let mut out = Vec::new();
        for (index, cell) in cells.enumerate() {
            let cell = match cell {
                TableCell::Text(text) => Cell::Text(text.into()),
                TableCell::Plain(text) => Cell::Json(text.into()),
                TableCell::Empty => Cell::Json("".into()),
            };
            self.write_cell(&mut out, index, &cell);
        }
        out.extend_from_slice(b"\r\n");
        String::from_utf8(out).expect("made of text")
    }

    /// Appends the event as one row. Strings are written as text, everything else as JSON; a missing value or null is
    /// an empty cell. A name like `rcpt_meta.plan` refers to a nested member.
    pub(crate) fn write_row(
        &self,
        out: &mut Vec<u8>,
        style: &EventStyle,
        ts: Timestamp,
        stored: &str,
    ) -> Result<(), RenderError> {
        let mut event = Vec::with_capacity(stored.len() + 128);
        write_event(&mut event, style, ts, stored)?;
        let event = String::from_utf8(event).expect("made of text");
        let members = Members::read(&event)?;

        for (index, column) in self.columns.iter().enumerate() {
            self.write_cell(out, index, &Cell::of(&members, column)?);
        }
        out.extend_from_slice(b"\r\n");
        Ok(())
    }

    /// RFC 4180: a cell with a comma, a quote or a line break is quoted, and its quotes are doubled.
    fn write_cell(&self, out: &mut Vec<u8>, index: usize, cell: &Cell<'_>) {
        if index > 0 {
            out.push(b',');
        }
        let text = match cell {
            Cell::Text(text) if !self.is_raw && begins_like_formula(text) => {
                Cow::Owned(format!("'{text}"))
            }
            Cell::Text(text) | Cell::Json(text) => Cow::Borrowed(text.as_ref()),
        };
        if text.contains([',', '"', '\r', '\n']) {
            out.push(b'"');
            out.extend_from_slice(text.replace('"', "\"\"").as_bytes());
            out.push(b'"');
        } else {
            out.extend_from_slice(text.as_bytes());
        }
    }
}

/// A cell of a table whose rows are no events.
#[derive(Debug, Clone, Copy)]
pub enum TableCell<'a> {
    /// A text that somebody chose: a spreadsheet must not execute it.
    Text(&'a str),
    /// A number or a boolean.
    Plain(&'a str),
    /// No value.
    Empty,
}

enum Cell<'a> {
    Text(Cow<'a, str>),
    /// A number, a boolean, an object or a list: none of them begins like an executable formula.
    Json(Cow<'a, str>),
}

impl<'a> Cell<'a> {
    fn of(members: &Members<'a>, column: &str) -> Result<Self, RenderError> {
        if let Some(value) = members.find(column) {
            return Self::read(value.get());
        }
        let inner = column
            .split_once('.')
            .and_then(|(outer, inner)| Some((members.find(outer)?, inner)));
        // A member that is not an object has no members.
        if let Some((outer, inner)) = inner
            && let Ok(members) = Members::read(outer.get())
            && let Some(value) = members.find(inner)
        {
            return Self::read(value.get());
        }
        Ok(Self::Json(Cow::Borrowed("")))
    }

    fn read(json: &'a str) -> Result<Self, RenderError> {
        Ok(match json.as_bytes().first() {
            Some(b'"') => Self::Text(serde_json::from_str::<String>(json)?.into()),
            _ if json == "null" => Self::Json(Cow::Borrowed("")),
            _ => Self::Json(Cow::Borrowed(json)),
        })
    }
}

/// Whether a spreadsheet may read the text as a formula or a command: the first character after those it strips begins
/// a formula, also in its full-width and small forms, or the text begins with a control character.
fn begins_like_formula(text: &str) -> bool {
    let begins = |c: char| {
        matches!(
            c,
            '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠' | '﹦' | '﹢' | '﹣' | '﹫' | '−'
        )
    };
    text.starts_with(char::is_control) || text.trim_start_matches(is_stripped).starts_with(begins)
}

/// White space, control characters and invisible characters.
fn is_stripped(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Dialect;
    use crate::zone::Zone;

    fn table(query: &str) -> Result<Table, ParamError> {
        Table::parse(&RawParams::parse(query, crate::endpoint::Endpoint::Search).unwrap())
    }

    fn row(query: &str, stored: &str) -> String {
        let mut out = Vec::new();
        let ts = Timestamp::from_unix_seconds(1_460_989_507).unwrap();
        let style = EventStyle {
            dialect: Dialect::Events,
            zone: Zone::UTC,
        };
        table(query)
            .unwrap()
            .write_row(&mut out, &style, ts, stored)
            .unwrap();
        String::from_utf8(out).unwrap()
    }

    /// The only cell of a row whose subject is `text`.
    fn subject(query: &str, text: &str) -> String {
        let stored = serde_json::json!({ "subject": text }).to_string();
        let row = row(&format!("columns=subject&{query}"), &stored);
        let cell = row.strip_suffix("\r\n").unwrap();
        match cell
            .strip_prefix('"')
            .and_then(|cell| cell.strip_suffix('"'))
        {
            Some(quoted) => quoted.replace("\"\"", "\""),
            None => cell.to_owned(),
        }
    }

    #[test]
    fn row_has_the_cells_that_its_header_names() {
        let stored = concat!(
            r#"{"type":"bounce","event_id":"9","rcpt_to":"a@x.org","subject":"Hi, \"you\"\nthere","subaccount_id":"7","#,
            r#""geo_ip":{"latitude":7.40500},"rcpt_meta":{"k":"v"},"reason":null,"timestamp":"0","other":1}"#
        );

        assert_eq!(
            Table::default().header(),
            format!("{}\r\n", CSV_COLUMNS.join(","))
        );
        assert_eq!(
            row("", stored),
            concat!(
                "2016-04-18T14:25:07.000Z,bounce,9,a@x.org,\"Hi, \"\"you\"\"\nthere\",,,,,,,x.org,,,,7,",
                ",,,,,,,,,,,,,\"{\"\"latitude\"\":7.40500}\",,\"{\"\"k\"\":\"\"v\"\"}\"\r\n"
            )
        );
    }

    #[test]
    fn columns_are_those_asked_for_in_their_order_and_once() {
        let stored = concat!(
            r#"{"type":"open","new_member":[1],"rcpt_meta":{"plan":"=1","a.b":2},"a.b":"whole","n":-7.50,"#,
            r#""geo_ip":"nowhere"}"#
        );
        let query = "columns=new_member,type,rcpt_meta.plan,rcpt_meta.a.b,a.b&columns=type,n,geo_ip.city,never";

        assert_eq!(
            table(query).unwrap().header(),
            "new_member,type,rcpt_meta.plan,rcpt_meta.a.b,a.b,n,geo_ip.city,never\r\n"
        );
        assert_eq!(row(query, stored), "[1],open,'=1,2,whole,-7.50,,\r\n");
        assert_eq!(
            table("columns==cmd(),\"x\"&csv=bom").unwrap().header(),
            "\u{feff}'=cmd(),\"\"\"x\"\"\"\r\n"
        );
    }

    #[test]
    fn cells_that_a_spreadsheet_would_execute_begin_with_an_apostrophe() {
        let dangerous = [
            "=1+1",
            "+1",
            "-1",
            "@SUM(A1)",
            "\tx",
            "\rx",
            "\nx",
            "\0x",
            " =1",
            "\u{a0}=1",
            "\u{3000}\u{2028}-1",
            "\u{feff}@x",
            "\u{200b} \u{2060}=x",
            "＝1+1",
            "＠x",
            "=\"a\",b",
        ];
        for text in dangerous {
            assert_eq!(subject("", text), format!("'{text}"), "{text:?}");
            assert_eq!(subject("csv=raw", text), text, "{text:?}");
        }
        for text in [
            "", " ", "a=1", "'=1", "5-1", " a", "(=1)", "\"=1", "été", "–1",
        ] {
            assert_eq!(subject("", text), text, "{text:?}");
        }
    }

    #[test]
    fn wrong_forms_name_the_parameter() {
        assert_eq!(table("csv=excel").unwrap_err().param, "csv");
        let many = (0..=MAX_COLUMNS).map(|n| n.to_string()).collect::<Vec<_>>();
        let query = format!("columns={}", many.join(","));
        assert_eq!(table(&query).unwrap_err().param, "columns");
        assert_eq!(table("csv=&columns=,").unwrap(), Table::default());
    }

    proptest::proptest! {
        #[test]
        fn raw_cells_are_what_was_stored_and_others_never_begin_a_formula(
            text in "[ \\t\\r\\n\u{a0}\u{feff}\u{200b}]{0,3}[=+@＝a-]?\\PC{0,8}",
        ) {
            let cell = subject("", &text);

            proptest::prop_assert_eq!(subject("csv=raw", &text), text.as_str());
            proptest::prop_assert!(cell == text || cell.strip_prefix('\'') == Some(&text));
            proptest::prop_assert!(!begins_like_formula(&cell));
        }
    }
}
