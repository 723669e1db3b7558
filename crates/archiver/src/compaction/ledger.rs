//! What compaction is busy with: which files queries leave out, and how far each day is.
//!
//! One small object that the view of every table reads. It is never changed: each version is an object of its own, and
//! the highest one counts, so a query reads one version or the next, and never half of one.

use std::collections::BTreeMap;

use lake_schema::{
    FileId,
    layout::{self, FileKind, LakeFile},
};
use serde::{Deserialize, Serialize};
use time::{Date, OffsetDateTime, serde::rfc3339};

/// One version of the ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ledger {
    /// Counts up with every change. The first version that is written is 1.
    pub(crate) version: u64,
    /// The days that are being closed; of months the first of each.
    pub(crate) days: BTreeMap<Date, Closing>,
}

/// A day or a month that is being closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Closing {
    pub(crate) phase: Phase,
    /// When the phase began, with all that belongs to it.
    pub(crate) since: OffsetDateTime,
    /// The file that takes the place of all inputs.
    pub(crate) output: FileId,
    /// The files that go: a day's parts, and what the day or the month was closed as before. Sorted.
    pub(crate) inputs: Vec<LakeFile>,
}

/// How far a day or a month is. Between two phases every query ends that began before; see [`super::plan`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Phase {
    /// The output is hidden, and not there yet.
    Planned,
    /// The output is there, and hidden.
    Written,
    /// The output is shown, and the inputs are hidden: what a query sees changes from one file to the other at once.
    Shown,
    /// The inputs are hidden, and no longer there.
    Removed,
}

/// A ledger that cannot be read. Nothing is done then: what is hidden must stay so.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Not lines of JSON.
    #[error("line {line} of the ledger")]
    Json {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// Not the lines that belong together.
    #[error("the ledger's lines do not make sense: {what}")]
    Nonsense {
        /// What is wrong with them.
        what: &'static str,
    },
}

/// A line: the ledger's version, and what it says of one file. The view reads `version`, `file` and `hidden`
/// (`lake_schema::queries`).
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Line {
    File(FileLine),
    /// The first line: there is a ledger, whatever it holds.
    Header {
        version: u64,
        file: String,
        hidden: bool,
    },
}

#[derive(Debug, Serialize, Deserialize)]
struct FileLine {
    version: u64,
    file: FileId,
    hidden: bool,
    day: String,
    role: Role,
    phase: Phase,
    #[serde(with = "rfc3339")]
    since: OffsetDateTime,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Role {
    /// The file that the others become.
    Output,
    /// A part that becomes the output.
    Part,
    /// The file that the day was closed as before.
    Closed,
    /// The file that the month was closed as before.
    Month,
}

impl Phase {
    const fn hides(self, role: Role) -> bool {
        match role {
            Role::Output => matches!(self, Self::Planned | Self::Written),
            Role::Part | Role::Closed | Role::Month => matches!(self, Self::Shown | Self::Removed),
        }
    }
}

impl Closing {
    fn lines(&self, version: u64, day: Date) -> impl Iterator<Item = FileLine> {
        let output = (self.output, Role::Output);
        let inputs = self.inputs.iter().map(|input| match input.kind {
            FileKind::Part => (input.id, Role::Part),
            FileKind::ClosedDay => (input.id, Role::Closed),
            FileKind::ClosedMonth => (input.id, Role::Month),
        });
        std::iter::once(output)
            .chain(inputs)
            .map(move |(file, role)| FileLine {
                version,
                file,
                hidden: self.phase.hides(role),
                day: layout::format_day(day),
                role,
                phase: self.phase,
                since: self.since,
            })
    }
}

impl Closing {
    /// Gives up what was planned, as the file would be out of date. A run that is still at it may store the file yet, and one that
    /// was cut off may have: so it stays hidden, and goes as files do that are replaced.
    pub(crate) fn abandon(&mut self, month: Date, now: OffsetDateTime) {
        let file = LakeFile {
            day: month,
            kind: FileKind::ClosedMonth,
            id: self.output,
        };
        *self = Self {
            phase: Phase::Shown,
            since: now,
            output: FileId::NONE,
            inputs: vec![file],
        };
    }
}

impl Ledger {
    /// The files that queries leave out: what the view finds in the lines.
    #[cfg(test)]
    pub(crate) fn hidden(&self) -> impl Iterator<Item = FileId> {
        self.lines()
            .filter(|line| line.hidden)
            .map(|line| line.file)
    }

    fn lines(&self) -> impl Iterator<Item = FileLine> {
        self.days
            .iter()
            .flat_map(|(day, closing)| closing.lines(self.version, *day))
    }

    /// The object of this version.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let header = Line::Header {
            version: self.version,
            file: String::new(),
            hidden: false,
        };
        let mut bytes = Vec::new();
        for line in std::iter::once(header).chain(self.lines().map(Line::File)) {
            serde_json::to_writer(&mut bytes, &line).expect("a line is always JSON");
            bytes.push(b'\n');
        }
        bytes
    }

    /// Reads what [`Ledger::to_bytes`] wrote.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, LedgerError> {
        let mut ledger = Self::default();
        let mut outputs: BTreeMap<Date, FileId> = BTreeMap::new();
        for (number, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
            if line.is_empty() {
                continue;
            }
            let line = serde_json::from_slice(line).map_err(|source| LedgerError::Json {
                line: number,
                source,
            })?;
            match line {
                Line::Header { version, .. } if number == 1 => ledger.version = version,
                Line::Header { .. } => return Err(nonsense("a second header")),
                Line::File(line) => ledger.add(&line, &mut outputs)?,
            }
        }
        if ledger.version == 0 {
            return Err(nonsense("no header"));
        }
        for (day, closing) in &mut ledger.days {
            closing.output = *outputs
                .get(day)
                .ok_or_else(|| nonsense("a day without an output"))?;
        }
        Ok(ledger)
    }

    fn add(
        &mut self,
        line: &FileLine,
        outputs: &mut BTreeMap<Date, FileId>,
    ) -> Result<(), LedgerError> {
        let day = layout::parse_day(&line.day).ok_or_else(|| nonsense("a day that is none"))?;
        let kind = match line.role {
            Role::Output => None,
            Role::Part => Some(FileKind::Part),
            Role::Closed => Some(FileKind::ClosedDay),
            Role::Month => Some(FileKind::ClosedMonth),
        };
        let closing = self.days.entry(day).or_insert_with(|| Closing {
            phase: line.phase,
            since: line.since,
            output: FileId::NONE,
            inputs: Vec::new(),
        });
        if (closing.phase, closing.since) != (line.phase, line.since)
            || line.version != self.version
        {
            return Err(nonsense("a day in two phases"));
        }
        match kind {
            Some(kind) => closing.inputs.push(LakeFile {
                day,
                kind,
                id: line.file,
            }),
            None if outputs.insert(day, line.file).is_some() => {
                return Err(nonsense("a day with two outputs"));
            }
            None => {}
        }
        Ok(())
    }
}

fn nonsense(what: &'static str) -> LedgerError {
    LedgerError::Nonsense { what }
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime};

    use super::*;

    fn ledger() -> Ledger {
        let file = |day, kind, source: &str| LakeFile {
            day,
            kind,
            id: FileId::of_part("events", day, source),
        };
        let closing = |day: Date, phase| Closing {
            phase,
            since: datetime!(2026-01-05 03:00:00.25 UTC),
            output: FileId::of_closed_day("events", day, &[]),
            inputs: vec![
                file(day, FileKind::Part, "a"),
                file(day, FileKind::ClosedDay, "b"),
                file(day, FileKind::ClosedMonth, "c"),
            ],
        };
        Ledger {
            version: 7,
            days: [
                (date!(2026 - 01 - 01), Phase::Planned),
                (date!(2026 - 01 - 02), Phase::Written),
                (date!(2026 - 01 - 03), Phase::Shown),
                (date!(2026 - 01 - 04), Phase::Removed),
            ]
            .map(|(day, phase)| (day, closing(day, phase)))
            .into(),
        }
    }

    #[test]
    fn bytes_and_back() {
        for ledger in [
            ledger(),
            Ledger {
                version: 1,
                ..Ledger::default()
            },
        ] {
            assert_eq!(Ledger::from_bytes(&ledger.to_bytes()).unwrap(), ledger);
        }
    }

    #[test]
    fn a_day_hides_its_output_first_and_its_inputs_then() {
        let ledger = ledger();

        let hidden: Vec<FileId> = ledger.hidden().collect();

        let days: Vec<&Closing> = ledger.days.values().collect();
        let inputs = |closing: &Closing| {
            closing
                .inputs
                .iter()
                .map(|input| input.id)
                .collect::<Vec<_>>()
        };
        let expected = [
            vec![days[0].output, days[1].output],
            inputs(days[2]),
            inputs(days[3]),
        ]
        .concat();
        assert_eq!(hidden, expected);
    }

    #[test]
    fn lines_have_the_columns_that_the_view_reads() {
        let text = String::from_utf8(ledger().to_bytes()).unwrap();
        let lines: Vec<serde_json::Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();

        assert_eq!(
            lines[0],
            serde_json::json!({ "version": 7, "file": "", "hidden": false })
        );
        let names: Vec<&String> = lines[1].as_object().unwrap().keys().collect();
        let mut declared: Vec<&str> = lake_schema::queries::STATE_COLUMNS
            .iter()
            .map(|column| column.name)
            .collect();
        declared.sort_unstable();
        assert_eq!(names, declared);
    }

    #[test]
    fn anything_else_is_no_ledger() {
        let good = String::from_utf8(ledger().to_bytes()).unwrap();
        let without_outputs = good
            .lines()
            .filter(|line| !line.contains("output"))
            .collect::<Vec<_>>()
            .join("\n");
        for text in [
            "",
            "x",
            "{}",
            &good[good.find('\n').unwrap() + 1..],
            &good.repeat(2),
            &good.replace("\"2026-01-01\"", "\"2026-01-32\""),
            &good.replacen("\"planned\"", "\"shown\"", 1),
            &good.replace("\"planned\"", "\"paused\""),
            &without_outputs,
        ] {
            assert!(Ledger::from_bytes(text.as_bytes()).is_err(), "{text}");
        }
    }
}
