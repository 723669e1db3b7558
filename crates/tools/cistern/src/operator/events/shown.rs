//! Events as a table, row by row, or one JSON object per line.

use anyhow::Result;

use super::page::{Event, cell};
use crate::{
    output::line,
    table::{Align, fit, lay_out, records},
};

/// The columns of the table unless `--columns` names others.
const COLUMNS: [&str; 5] = ["timestamp", "type", "rcpt_to", "campaign_id", ABOUT];
/// Not a member of events: the most telling one of its type.
const ABOUT: &str = "about";
/// The members that [`ABOUT`] shows, the first that an event has.
const TELLING: [&str; 3] = ["reason", "target_link_url", "subject"];

/// How events are printed.
#[derive(Clone, Debug)]
pub(super) enum Form {
    /// With these columns, truncated to this width where stdout is a terminal.
    Table {
        columns: Vec<String>,
        room: Option<usize>,
    },
    /// A block for each event, with these members or all.
    Rows {
        columns: Option<Vec<String>>,
        room: Option<usize>,
    },
    Json,
}

impl Form {
    pub(super) fn table(columns: Option<Vec<String>>, room: Option<usize>) -> Self {
        let columns = columns.unwrap_or_else(|| COLUMNS.map(str::to_owned).to_vec());
        Self::Table { columns, room }
    }

    /// Prints events. Those that are printed one page after another have numbers from `first_number`, and columns of the same width.
    pub(super) fn print(&self, events: &[Event], first_number: usize) -> Result<()> {
        if events.is_empty() {
            return Ok(());
        }
        match self {
            Self::Json => events
                .iter()
                .try_for_each(|event| line!("{}", serde_json::to_string(event)?)),
            Self::Rows { columns, room } => line!(
                "{}\n",
                rows(events, columns.as_deref(), first_number, *room)
            ),
            Self::Table { columns, room } => line!("{}", table(events, columns, *room)),
        }
    }
}

fn table(events: &[Event], columns: &[String], room: Option<usize>) -> String {
    let mut lines = vec![columns.to_vec()];
    lines.extend(events.iter().map(|event| {
        let cells = columns
            .iter()
            .map(|name| shown(event, name).unwrap_or_default());
        cells.collect::<Vec<_>>()
    }));
    match room {
        None => lay_out(&lines, |_| Align::Left),
        Some(room) => fit(&lines, room, |_| Align::Left)
            .unwrap_or_else(|| rows(events, Some(columns), 1, Some(room))),
    }
}

fn rows(
    events: &[Event],
    columns: Option<&[String]>,
    first_number: usize,
    room: Option<usize>,
) -> String {
    let blocks = events.iter().enumerate().map(|(index, event)| {
        let names: Vec<String> = match columns {
            Some(columns) => columns.to_vec(),
            None => event.keys().cloned().collect(),
        };
        let values: Vec<Option<String>> = names.iter().map(|name| shown(event, name)).collect();
        records(
            &names,
            std::iter::once(values.as_slice()),
            first_number + index,
            room,
        )
    });
    blocks.collect::<Vec<_>>().join("\n\n")
}

fn shown(event: &Event, name: &str) -> Option<String> {
    match name {
        ABOUT if !event.contains_key(ABOUT) => TELLING.iter().find_map(|name| cell(event, name)),
        "timestamp" => cell(event, name).map(|text| seconds(&text)),
        _ => cell(event, name),
    }
}

/// `2026-01-02T03:04:05Z` of `2026-01-02T03:04:05.000Z`: webhooks have whole seconds.
fn seconds(timestamp: &str) -> String {
    match timestamp.strip_suffix(".000Z") {
        Some(seconds) => format!("{seconds}Z"),
        None => timestamp.to_owned(),
    }
}

/// A line for each event, as events arrive: the widths do not depend on what is still to come.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    columns: Vec<String>,
    room: Option<usize>,
}

/// The width of a column of [`Lines`] whose content has a usual width.
fn usual_width(column: &str) -> Option<usize> {
    match column {
        "timestamp" => Some(20),
        "type" => Some(17),
        _ => None,
    }
}

impl Lines {
    pub(super) fn new(columns: Option<Vec<String>>, room: Option<usize>) -> Self {
        let columns = columns.unwrap_or_else(|| COLUMNS.map(str::to_owned).to_vec());
        Self { columns, room }
    }

    /// The line of an event, as wide as the terminal at most.
    pub(super) fn line(&self, event: &Event) -> String {
        let cells: Vec<String> = self
            .columns
            .iter()
            .map(|name| shown(event, name).unwrap_or_default())
            .collect();
        self.laid_out(&cells)
    }

    /// The line of the names.
    pub(super) fn header(&self) -> String {
        self.laid_out(&self.columns)
    }

    fn laid_out(&self, cells: &[String]) -> String {
        crate::table::line_of(cells, &self.widths())
    }

    /// `None` for no limit. The columns of no usual width share what the others leave.
    fn widths(&self) -> Vec<Option<usize>> {
        let usual: Vec<Option<usize>> = self.columns.iter().map(|name| usual_width(name)).collect();
        let Some(room) = self.room else {
            return usual;
        };
        let gaps = 2 * self.columns.len().saturating_sub(1);
        let taken: usize = usual.iter().flatten().sum();
        let others = usual.iter().filter(|width| width.is_none()).count().max(1);
        let share = room.saturating_sub(gaps + taken) / others;
        if share == 0 {
            // Too narrow for the usual widths.
            let even = room.saturating_sub(gaps) / self.columns.len().max(1);
            return vec![Some(even); self.columns.len()];
        }
        usual
            .into_iter()
            .map(|width| width.or(Some(share)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn event(value: &serde_json::Value) -> Event {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_table_shows_what_tells_most_about_each_type() {
        let events = [
            event(
                &json!({"timestamp": "2026-02-03T11:00:02.000Z", "type": "bounce", "rcpt_to": "a@b.c",
                "campaign_id": "spring", "subject": "Hi", "reason": "550 5.1.1"}),
            ),
            event(
                &json!({"timestamp": "2026-02-03T11:00:01.250Z", "type": "delivery", "rcpt_to": "a@b.c", "subject": "Hi"}),
            ),
        ];
        let Form::Table { columns, room } = Form::table(None, None) else {
            unreachable!()
        };

        let text = table(&events, &columns, room);

        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[2],
            "2026-02-03T11:00:02Z      bounce    a@b.c    spring       550 5.1.1"
        );
        assert_eq!(
            lines[3],
            "2026-02-03T11:00:01.250Z  delivery  a@b.c                 Hi"
        );
    }

    #[test]
    fn rows_show_every_member() {
        let events = [event(
            &json!({"type": "open", "geo_ip": {"city": "Bern"}, "reason": null}),
        )];

        let text = rows(&events, None, 3, None);

        assert!(text.starts_with("row 3"), "{text}");
        assert!(
            text.contains("geo_ip  {\"city\":\"Bern\"}") && !text.contains("reason"),
            "{text}"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_event_is_shown_in_any_width(
            cells in proptest::collection::vec(prop_oneof![
                any::<String>(), ("\\PC{1,3}", 30_000_usize..70_000).prop_map(|(text, count)| text.repeat(count)),
            ], 5),
            room in 0_usize..200,
        ) {
            let columns: Vec<String> = COLUMNS.map(str::to_owned).to_vec();
            let event: Event = columns.iter().cloned().zip(cells.into_iter().map(Into::into)).collect();
            let lines = Lines::new(None, Some(room));

            for text in [lines.line(&event), lines.header()] {
                prop_assert!(crate::table::width(&text) <= room.max(2 * (columns.len() - 1)));
                prop_assert!(!text.chars().any(char::is_control));
            }
            let whole = table(std::slice::from_ref(&event), &columns, Some(room));
            prop_assert!(whole.chars().all(|letter| letter == '\n' || !letter.is_control()));
        }
    }
}
