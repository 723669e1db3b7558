//! The manifest: which files queries leave out, and in which phase each compaction is.
//!
//! A small object that the view of every table reads. It is never overwritten: each version is a separate object, under the day on
//! which it was written, and the highest version is valid. So a query reads one version or the next, and never a mixture.

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
    /// Increases with every change, and contains the day on which it was written ([`version_day`]). 0 if there is none yet.
    pub(crate) version: u64,
    /// The days that are being compacted; for months the first day of each.
    pub(crate) days: BTreeMap<Date, Compaction>,
    /// Parts that are in a compacted file that is shown. Hidden until no running query can have listed them.
    pub(crate) merged: BTreeSet<LakeFile>,
}

/// A version of the manifest as it is stored.
#[derive(Debug)]
pub(crate) struct EncodedManifest {
    pub(crate) version: u64,
    /// The day under which it is stored.
    pub(crate) day: Date,
    pub(crate) bytes: Vec<u8>,
}

/// The largest number of versions in one day.
const VERSIONS_A_DAY: u64 = 100_000;

/// The version after `version`, written on the day `today`. Two compactors that read the same version on the same day write the same
/// next version, so the second one fails; on two days they write different ones.
pub(crate) fn version_after(version: u64, today: Date) -> u64 {
    let days = u64::try_from(today.to_julian_day()).unwrap_or(0);
    (version + 1).max(days * VERSIONS_A_DAY)
}

/// The day on which a version was written.
pub(crate) fn version_day(version: u64) -> Option<Date> {
    let days = i32::try_from(version / VERSIONS_A_DAY).ok()?;
    Date::from_julian_day(days).ok().filter(|_| days > 0)
}

/// A day or a month that is being compacted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Compaction {
    pub(crate) phase: Phase,
    /// When the phase began.
    pub(crate) since: OffsetDateTime,
    /// The file that the inputs become.
    pub(crate) output: FileId,
    /// The parts of a day that it replaces; for a month the days that it contains. Sorted.
    pub(crate) inputs: Vec<LakeFile>,
}

/// The phase of a compaction. Between two phases, all queries end that began before the first; see [`crate::compaction`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Phase {
    /// The output is hidden and does not exist yet.
    Planned,
    /// The output exists and is hidden.
    Written,
}

/// A manifest that cannot be read; `compaction::rebuild` rebuilds it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ManifestError {
    /// A line is not JSON.
    #[error("parsing line {line} of the manifest")]
    Json {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The lines contradict each other.
    #[error("the manifest is inconsistent: {what}")]
    Inconsistent {
        /// What is wrong with them.
        what: &'static str,
    },
}

/// A line: the manifest's version, and one file. The view reads `version`, `file` and `hidden`
/// (`lake_schema::queries`).
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Line {
    File(FileLine),
    /// The first line, so that a manifest without files has a version too.
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
    /// The file that the others become. Hidden as long as it has a line.
    Output,
    /// A part that is merged into the output.
    Part,
    /// A compacted day that is copied into the output.
    Day,
    /// A part that is in an output that is shown. Hidden.
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

/// The line of a file that is not an output.
fn line(version: u64, file: &LakeFile, role: Role) -> FileLine {
    FileLine {
        version,
        file: file.id,
        hidden: role.is_hidden(),
        day: layout::format_day(file.day),
        role,
        came: match file.kind {
            FileKind::Part { at } => Some(layout::format_day(at)),
            FileKind::CompactedDay | FileKind::MonthlyCopy => None,
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
            FileKind::CompactedDay | FileKind::MonthlyCopy => line(version, input, Role::Day),
        });
        std::iter::once(output).chain(inputs)
    }
}

impl Manifest {
    /// The files that queries leave out, as the view finds them.
    #[cfg(test)]
    pub(crate) fn hidden(&self) -> impl Iterator<Item = FileId> {
        self.lines()
            .filter(|line| line.hidden)
            .map(|line| line.file)
    }

    fn lines(&self) -> impl Iterator<Item = FileLine> {
        self.days
            .iter()
            .flat_map(|(day, compaction)| compaction.lines(self.version, *day))
            .chain(
                self.merged
                    .iter()
                    .map(|part| line(self.version, part, Role::Merged)),
            )
    }

    fn to_bytes(&self) -> Vec<u8> {
        let header = Line::Header {
            version: self.version,
            file: String::new(),
            hidden: false,
        };
        let mut bytes = Vec::new();
        for line in std::iter::once(header).chain(self.lines().map(Line::File)) {
            serde_json::to_writer(&mut bytes, &line).expect("a line can always be written as JSON");
            bytes.push(b'\n');
        }
        bytes
    }

    /// Makes this the next version, and returns it as [`Manifest::encode`] does.
    pub(crate) fn encode_next(&mut self, today: Date) -> EncodedManifest {
        self.version = version_after(self.version, today);
        self.encode()
    }

    /// The version as it is stored.
    pub(crate) fn encode(&self) -> EncodedManifest {
        EncodedManifest {
            version: self.version,
            day: version_day(self.version).expect("a version contains its day"),
            bytes: self.to_bytes(),
        }
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
                Line::Header { .. } => return Err(inconsistent("a second header")),
                Line::File(line) => manifest.add(&line, &mut current)?,
            }
        }
        if manifest.version == 0 {
            return Err(inconsistent("no header"));
        }
        Ok(manifest)
    }

    fn add(&mut self, line: &FileLine, current: &mut Option<Date>) -> Result<(), ManifestError> {
        if line.version != self.version {
            return Err(inconsistent("a line of another version"));
        }
        let day = layout::parse_day(&line.day).ok_or_else(|| inconsistent("an invalid day"))?;
        let file = |kind| LakeFile {
            day,
            kind,
            id: line.file,
        };
        let part = || {
            let came = line.came.as_deref().and_then(layout::parse_day);
            let at = came.ok_or_else(|| inconsistent("a part without its day of arrival"))?;
            Ok(file(FileKind::Part { at }))
        };
        let input = match line.role {
            Role::Output => {
                let (Some(phase), Some(since)) = (line.phase, line.since) else {
                    return Err(inconsistent("an output without a phase"));
                };
                let compaction = Compaction {
                    phase,
                    since,
                    output: line.file,
                    inputs: Vec::new(),
                };
                if self.days.insert(day, compaction).is_some() {
                    return Err(inconsistent("a day with two outputs"));
                }
                *current = Some(day);
                return Ok(());
            }
            Role::Merged => {
                self.merged.insert(part()?);
                return Ok(());
            }
            Role::Part => part()?,
            Role::Day => file(FileKind::CompactedDay),
        };
        let compaction = current.and_then(|day| self.days.get_mut(&day));
        let compaction = compaction.ok_or_else(|| inconsistent("an input without an output"))?;
        compaction.inputs.push(input);
        Ok(())
    }
}

fn inconsistent(what: &'static str) -> ManifestError {
    ManifestError::Inconsistent { what }
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
        let compaction = |day: Date, phase, kind| Compaction {
            phase,
            since: datetime!(2026-01-05 03:00:00.25 UTC),
            output: FileId::of_compacted_day("product_events", day, &[]),
            inputs: vec![file(day, kind, "a"), file(day, kind, "b")],
        };
        Manifest {
            version: 7,
            days: [
                (date!(2026 - 01 - 01), Phase::Planned, part),
                (date!(2026 - 01 - 02), Phase::Written, part),
                (
                    date!(2026 - 02 - 01),
                    Phase::Written,
                    FileKind::CompactedDay,
                ),
            ]
            .map(|(day, phase, kind)| (day, compaction(day, phase, kind)))
            .into(),
            merged: [file(at, part, "c"), file(date!(2026 - 01 - 01), part, "d")].into(),
        }
    }

    #[test]
    fn versions_increase_and_contain_their_day() {
        let (day, next) = (date!(2026 - 01 - 31), date!(2026 - 02 - 01));
        let first = version_after(0, day);
        let second = version_after(first, day);
        let third = version_after(first, next);

        assert!(first < second && second < third);
        for (version, written) in [(first, day), (second, day), (third, next)] {
            assert_eq!(version_day(version), Some(written));
        }
        // The order holds when the clock goes back.
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
    fn outputs_in_progress_and_merged_parts_are_hidden() {
        let manifest = manifest();

        let hidden: BTreeSet<FileId> = manifest.hidden().collect();

        let outputs = manifest.days.values().map(|compaction| compaction.output);
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
    fn anything_else_is_refused() {
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
