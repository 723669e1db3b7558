//! What compaction is busy with: which files queries leave out, and how far each day is.
//!
//! One small object that the view of every table reads. It is never changed: each version is an object of its own, under the day on
//! which it was written, and the highest one counts, so a query reads one version or the next, and never half of one.

use std::collections::{BTreeMap, BTreeSet};

use lake_schema::{
    FileId,
    layout::{self, FileKind, LakeFile},
};
use serde::{Deserialize, Serialize};
use time::{Date, OffsetDateTime, serde::rfc3339};

/// One version of the manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Manifest {
    /// Rises with every change, and tells the day that it was written on ([`version_day`]). 0 is that of none.
    pub(crate) version: u64,
    /// The days that are being closed; of months the first of each.
    pub(crate) days: BTreeMap<Date, Compaction>,
    /// Parts that are in a closed file which is shown. Hidden until nobody can have listed them any more.
    pub(crate) merged: BTreeSet<LakeFile>,
}

/// A day has so many versions at most.
const VERSIONS_A_DAY: u64 = 100_000;

/// The version after `version` that is written on the day `today`. Two compactors that follow one version on two days do not write
/// the same one, as they do on one day, when the second has to give way.
pub(crate) fn version_after(version: u64, today: Date) -> u64 {
    let days = u64::try_from(today.to_julian_day()).unwrap_or(0);
    (version + 1).max(days * VERSIONS_A_DAY)
}

/// The day that a version was written on.
pub(crate) fn version_day(version: u64) -> Option<Date> {
    let days = i32::try_from(version / VERSIONS_A_DAY).ok()?;
    Date::from_julian_day(days).ok().filter(|_| days > 0)
}

/// A day or a month that is being closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Compaction {
    pub(crate) phase: Phase,
    /// When the phase began, with all that belongs to it.
    pub(crate) since: OffsetDateTime,
    /// The file that they become.
    pub(crate) output: FileId,
    /// Parts of a day, in whose place it comes; of a month the days that it is a copy of. Sorted.
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
}

/// A manifest that cannot be read; [`super::rebuild`] makes it again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ManifestError {
    /// Not lines of JSON.
    #[error("line {line} of the manifest")]
    Json {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// Not the lines that belong together.
    #[error("the manifest's lines do not make sense: {what}")]
    Nonsense {
        /// What is wrong with them.
        what: &'static str,
    },
}

/// A line: the manifest's version, and what it says of one file. The view reads `version`, `file` and `hidden`
/// (`lake_schema::queries`).
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Line {
    File(FileLine),
    /// The first line: there is a manifest, whatever it holds.
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    came: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    phase: Option<Phase>,
    #[serde(
        default,
        with = "rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    since: Option<OffsetDateTime>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Role {
    /// The file that the others become. Hidden, as long as it is a line.
    Output,
    /// A part that becomes the output.
    Part,
    /// A closed day that is copied into the output.
    Day,
    /// A part that is in an output which is shown, and is hidden itself.
    Merged,
}

impl Role {
    const fn is_hidden(self) -> bool {
        match self {
            Self::Output | Self::Merged => true,
            Self::Part | Self::Day => false,
        }
    }
}

/// A line about one file, without what only an output's says.
fn line(version: u64, file: &LakeFile, role: Role) -> FileLine {
    FileLine {
        version,
        file: file.id,
        hidden: role.is_hidden(),
        day: layout::format_day(file.day),
        role,
        came: match file.kind {
            FileKind::Part { at } => Some(layout::format_day(at)),
            FileKind::ClosedDay | FileKind::ClosedMonth => None,
        },
        phase: None,
        since: None,
    }
}

impl Compaction {
    fn lines(&self, version: u64, day: Date) -> impl Iterator<Item = FileLine> {
        let output = FileLine {
            version,
            file: self.output,
            hidden: Role::Output.is_hidden(),
            day: layout::format_day(day),
            role: Role::Output,
            came: None,
            phase: Some(self.phase),
            since: Some(self.since),
        };
        let inputs = self.inputs.iter().map(move |input| match input.kind {
            FileKind::Part { .. } => line(version, input, Role::Part),
            FileKind::ClosedDay | FileKind::ClosedMonth => line(version, input, Role::Day),
        });
        std::iter::once(output).chain(inputs)
    }
}

impl Manifest {
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
            .chain(
                self.merged
                    .iter()
                    .map(|part| line(self.version, part, Role::Merged)),
            )
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

    /// Reads what [`Manifest::to_bytes`] wrote.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, ManifestError> {
        let mut manifest = Self::default();
        // The period that inputs follow, by its first day.
        let mut current = None;
        for (number, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
            if line.is_empty() {
                continue;
            }
            let line = serde_json::from_slice(line).map_err(|source| ManifestError::Json {
                line: number,
                source,
            })?;
            match line {
                Line::Header { version, .. } if number == 1 => manifest.version = version,
                Line::Header { .. } => return Err(nonsense("a second header")),
                Line::File(line) => manifest.add(&line, &mut current)?,
            }
        }
        if manifest.version == 0 {
            return Err(nonsense("no header"));
        }
        Ok(manifest)
    }

    fn add(&mut self, line: &FileLine, current: &mut Option<Date>) -> Result<(), ManifestError> {
        if line.version != self.version {
            return Err(nonsense("a line of another version"));
        }
        let day = layout::parse_day(&line.day).ok_or_else(|| nonsense("a day that is none"))?;
        let file = |kind| LakeFile {
            day,
            kind,
            id: line.file,
        };
        let part = || {
            let came = line.came.as_deref().and_then(layout::parse_day);
            let at = came.ok_or_else(|| nonsense("a part without the day of its coming"))?;
            Ok(file(FileKind::Part { at }))
        };
        let input = match line.role {
            Role::Output => {
                let (Some(phase), Some(since)) = (line.phase, line.since) else {
                    return Err(nonsense("an output without a phase"));
                };
                let closing = Compaction {
                    phase,
                    since,
                    output: line.file,
                    inputs: Vec::new(),
                };
                if self.days.insert(day, closing).is_some() {
                    return Err(nonsense("a day with two outputs"));
                }
                *current = Some(day);
                return Ok(());
            }
            Role::Merged => {
                self.merged.insert(part()?);
                return Ok(());
            }
            Role::Part => part()?,
            Role::Day => file(FileKind::ClosedDay),
        };
        let closing = current.and_then(|day| self.days.get_mut(&day));
        let closing = closing.ok_or_else(|| nonsense("an input without an output"))?;
        closing.inputs.push(input);
        Ok(())
    }
}

fn nonsense(what: &'static str) -> ManifestError {
    ManifestError::Nonsense { what }
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime};

    use super::*;

    fn file(day: Date, kind: FileKind, source: &str) -> LakeFile {
        LakeFile {
            day,
            kind,
            id: FileId::of_part("product_events", day, source),
        }
    }

    fn manifest() -> Manifest {
        let at = date!(2026 - 01 - 04);
        let part = FileKind::Part { at };
        let closing = |day: Date, phase, kind| Compaction {
            phase,
            since: datetime!(2026-01-05 03:00:00.25 UTC),
            output: FileId::of_closed_day("product_events", day, &[]),
            inputs: vec![file(day, kind, "a"), file(day, kind, "b")],
        };
        Manifest {
            version: 7,
            days: [
                (date!(2026 - 01 - 01), Phase::Planned, part),
                (date!(2026 - 01 - 02), Phase::Written, part),
                (date!(2026 - 02 - 01), Phase::Written, FileKind::ClosedDay),
            ]
            .map(|(day, phase, kind)| (day, closing(day, phase, kind)))
            .into(),
            merged: [file(at, part, "c"), file(date!(2026 - 01 - 01), part, "d")].into(),
        }
    }

    #[test]
    fn versions_rise_and_tell_their_day() {
        let (day, next) = (date!(2026 - 01 - 31), date!(2026 - 02 - 01));
        let first = version_after(0, day);
        let second = version_after(first, day);
        let third = version_after(first, next);

        assert!(first < second && second < third);
        for (version, written) in [(first, day), (second, day), (third, next)] {
            assert_eq!(version_day(version), Some(written));
        }
        // A clock that goes back changes no order.
        assert_eq!(version_day(version_after(third, day)), Some(next));
        assert_eq!(version_day(0), None);
    }

    #[test]
    fn bytes_and_back() {
        for manifest in [
            manifest(),
            Manifest {
                version: 1,
                ..Manifest::default()
            },
        ] {
            assert_eq!(
                Manifest::from_bytes(&manifest.to_bytes()).unwrap(),
                manifest
            );
        }
    }

    #[test]
    fn outputs_that_are_made_are_hidden_and_parts_that_are_in_one_which_is_shown() {
        let manifest = manifest();

        let hidden: BTreeSet<FileId> = manifest.hidden().collect();

        let outputs = manifest.days.values().map(|closing| closing.output);
        let merged = manifest.merged.iter().map(|part| part.id);
        assert_eq!(hidden, outputs.chain(merged).collect());
    }

    #[test]
    fn lines_have_the_columns_that_the_view_reads() {
        let text = String::from_utf8(manifest().to_bytes()).unwrap();
        let lines: Vec<serde_json::Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();

        assert_eq!(
            lines[0],
            serde_json::json!({ "version": 7, "file": "", "hidden": false })
        );
        let names: BTreeSet<&str> = lines[1..]
            .iter()
            .flat_map(|line| line.as_object().unwrap().keys().map(String::as_str))
            .collect();
        let declared = lake_schema::queries::STATE_COLUMNS.map(|column| column.name);
        assert_eq!(names, declared.into());
    }

    #[test]
    fn anything_else_is_no_manifest() {
        let good = String::from_utf8(manifest().to_bytes()).unwrap();
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
            &good.replace("\"planned\"", "\"paused\""),
            &good.replace(",\"phase\":\"planned\"", ""),
            &good.replace("\"came\"", "\"went\""),
            &good.replacen("\"version\":7", "\"version\":8", 2),
            &without_outputs,
        ] {
            assert!(Manifest::from_bytes(text.as_bytes()).is_err(), "{text}");
        }
    }
}
