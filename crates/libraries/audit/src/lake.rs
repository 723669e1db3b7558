//! Raw objects against the lake.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufReader, Cursor},
};

use aws_io::s3::listing::Listed;
use email_senders::Delivery;
use lake_files::{Converted, Source, convert};
use lake_schema::{
    FileId, Period, Table, arrival,
    layout::{self, FileKind, LakeFile},
};
use serde::Deserialize;
use time::{Date, OffsetDateTime};
use tokio::task::spawn_blocking;

use crate::{
    Audit, AuditError,
    report::{Finding, Report, Side, Sums, What},
};

/// The files of a table, as far as a day needs them.
struct Lake<'a> {
    audit: &'a Audit<'a>,
    table: &'a Table,
    /// Parts that were not merged yet, each with its key.
    parts: BTreeMap<FileId, (LakeFile, String)>,
    /// The compacted days that were looked at: which part is in which file, and which files are there.
    days: BTreeMap<Date, CompactedDay>,
}

#[derive(Default)]
struct CompactedDay {
    parts: BTreeMap<String, String>,
    files: BTreeSet<String>,
}

/// The state of a compacted day, as the compactor writes it.
#[derive(Default, Deserialize)]
struct DayState {
    /// Parts, each with the file that contains it.
    parts: BTreeMap<String, String>,
}

pub(crate) async fn audit<E: std::error::Error + 'static>(
    audit: &Audit<'_>,
    table: &Table,
    report: &mut Report,
) -> Result<(), AuditError<E>> {
    let pipeline = table.pipeline();
    let mut sums = Sums::new(pipeline, Side::Lake);
    let objects = audit.list_raw(pipeline, audit.day).await?;
    sums.objects = u64::try_from(objects.len()).unwrap_or(u64::MAX);
    let mut lake = Lake::open(audit, table).await?;
    for object in &objects {
        lake.audit_object(object, &mut sums, report).await?;
    }
    lake.find_missing_objects(&objects, report).await?;
    report.add(sums);
    Ok(())
}

impl<'a> Lake<'a> {
    async fn open<E: std::error::Error + 'static>(
        audit: &'a Audit<'a>,
        table: &'a Table,
    ) -> Result<Self, AuditError<E>> {
        let listed = audit.list(&layout::parts_prefix(table.name())).await?;
        let parts = listed.into_iter().filter_map(|object| {
            let file = LakeFile::from_key(table.name(), &object.key)?;
            Some((file.id, (file, object.key)))
        });
        Ok(Self {
            audit,
            table,
            parts: parts.collect(),
            days: BTreeMap::new(),
        })
    }

    async fn audit_object<E: std::error::Error + 'static>(
        &mut self,
        object: &Listed,
        sums: &mut Sums,
        report: &mut Report,
    ) -> Result<(), AuditError<E>> {
        let Some(bytes) = self.audit.read(&object.key).await? else {
            return Ok(());
        };
        let arrived = arrival::from_key(&object.key)
            .or(object.last_modified)
            .unwrap_or(self.audit.now);
        let Ok(delivery) = self.audit.senders.delivery(&object.key) else {
            if self.audit.may_wait(object.last_modified) {
                sums.waiting += 1;
            } else {
                sums.items += 1;
                let unreadable = self.finding(What::ObjectUnreadable, &object.key, None);
                report.findings.push(unreadable);
            }
            return Ok(());
        };
        let converted = self.convert(&object.key, arrived, delivery, bytes).await?;
        let (mut stored, mut missing) = (0, Vec::new());
        for part in &converted.parts {
            match self.missing_file(part.file).await? {
                None => stored += part.row_count,
                Some(file) => missing.push(file),
            }
        }
        let rejected = self
            .rejected(&object.key, arrived.date(), converted.rejected_count)
            .await?;
        let is_complete = missing.is_empty() && rejected == converted.rejected_count;
        if !is_complete && self.audit.may_wait(object.last_modified) {
            sums.waiting += 1;
            return Ok(());
        }
        sums.items += converted.row_count + converted.rejected_count;
        sums.stored += stored;
        sums.rejected += rejected;
        let is_new = stored == 0 && rejected == 0 && !is_complete;
        let mut find = |what, detail| {
            let finding = self.finding(what, &object.key, detail);
            report.findings.push(finding);
        };
        if is_new {
            find(What::ObjectNotProcessed, missing.into_iter().next());
            return Ok(());
        }
        for file in missing {
            find(What::FileMissing, Some(file));
        }
        if rejected < converted.rejected_count {
            let detail = format!("{rejected} of {} lines", converted.rejected_count);
            find(What::RejectionMissing, Some(detail));
        }
        Ok(())
    }

    /// The object as the archiver converts it, without its bytes.
    async fn convert<E: std::error::Error + 'static>(
        &self,
        key: &str,
        arrived: OffsetDateTime,
        delivery: Option<Delivery>,
        bytes: Vec<u8>,
    ) -> Result<Converted, AuditError<E>> {
        let (table, first_day, name) = (
            self.table.clone(),
            self.audit.lake_first_day,
            key.to_owned(),
        );
        let converting = spawn_blocking(move || {
            let source = Source {
                key: &name,
                arrival: arrived,
                first_day,
                delivery: delivery.as_ref(),
            };
            convert(
                &table,
                source,
                BufReader::new(Cursor::new(bytes)),
                std::io::sink(),
            )
        });
        let converted = converting.await.unwrap_or_else(|error| {
            Err(lake_files::ConvertError::Io(std::io::Error::other(error)))
        });
        converted.map_err(|source| AuditError::Convert {
            key: key.to_owned(),
            source,
        })
    }

    /// None if the part, or the file that it was merged into, is there; else the key of the one that is not.
    async fn missing_file<E: std::error::Error + 'static>(
        &mut self,
        part: LakeFile,
    ) -> Result<Option<String>, AuditError<E>> {
        if self.parts.contains_key(&part.id) {
            return Ok(None);
        }
        let folder = layout::compacted_prefix(self.table.name(), Period::Day);
        let new = part.key(self.table.name());
        let day = self.compacted_day(part.day).await?;
        match day.parts.get(&part.id.to_string()) {
            Some(file) if day.files.contains(file) => Ok(None),
            Some(file) => Ok(Some(format!("{folder}dt={}/day-{file}.parquet", part.day))),
            None => Ok(Some(new)),
        }
    }

    async fn compacted_day<E: std::error::Error + 'static>(
        &mut self,
        day: Date,
    ) -> Result<&CompactedDay, AuditError<E>> {
        if !self.days.contains_key(&day) {
            let name = self.table.name();
            let state = self.audit.read(&layout::day_state_key(name, day)).await?;
            let state: DayState = state
                .and_then(|state| serde_json::from_slice(&state).ok())
                .unwrap_or_default();
            let prefix = format!("{}dt={day}/", layout::compacted_prefix(name, Period::Day));
            let files = self.audit.list(&prefix).await?;
            let files = files
                .iter()
                .filter_map(|file| Some(LakeFile::from_key(name, &file.key)?.id.to_string()));
            let compacted = CompactedDay {
                parts: state.parts,
                files: files.collect(),
            };
            self.days.insert(day, compacted);
        }
        Ok(self.days.entry(day).or_default())
    }

    /// How many of the object's rejected pieces are written down.
    async fn rejected<E: std::error::Error + 'static>(
        &self,
        key: &str,
        arrival_day: Date,
        expected: u64,
    ) -> Result<u64, AuditError<E>> {
        if expected == 0 {
            return Ok(0);
        }
        let id = FileId::of_part(self.table.name(), arrival_day, key);
        let lines = layout::rejected_key(self.table.pipeline(), arrival_day, id);
        let lines = self.audit.read(&lines).await?.unwrap_or_default();
        let lines: Vec<&[u8]> = lines
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .collect();
        // After many lines, one stands for all others.
        let stands_for_more = lines
            .last()
            .is_some_and(|line| line.starts_with(br#"{"reason":"more""#));
        let count = u64::try_from(lines.len()).unwrap_or(u64::MAX);
        Ok(if stands_for_more {
            expected
        } else {
            count.min(expected)
        })
    }

    /// Parts that were filed on this day and that no raw object explains.
    async fn find_missing_objects<E: std::error::Error + 'static>(
        &self,
        objects: &[Listed],
        report: &mut Report,
    ) -> Result<(), AuditError<E>> {
        let filed = self
            .parts
            .values()
            .filter(|(file, _)| matches!(file.kind, FileKind::Part { at } if at == self.audit.day));
        let filed: Vec<_> = filed.collect();
        let days: BTreeSet<Date> = filed.iter().map(|(file, _)| file.day).collect();
        let explained = self.parts_of(objects, &days);
        let mut unexplained: Vec<_> = filed
            .into_iter()
            .filter(|(file, _)| !explained.contains(&file.id))
            .collect();
        if unexplained.is_empty() {
            return Ok(());
        }
        // An object that was archived again or late is of another day.
        let mut all = Vec::new();
        for prefix in self.table.pipeline().raw_prefixes() {
            all.extend(self.audit.list(prefix).await?);
        }
        let explained = self.parts_of(&all, &days);
        unexplained.retain(|(file, _)| !explained.contains(&file.id));
        let findings = unexplained
            .into_iter()
            .map(|(_, key)| self.finding(What::ObjectMissing, key, None));
        report.findings.extend(findings);
        Ok(())
    }

    /// The parts that these objects would have for events of these days.
    fn parts_of(&self, objects: &[Listed], days: &BTreeSet<Date>) -> BTreeSet<FileId> {
        let name = self.table.name();
        let of_object = |object: &Listed| {
            let ids = days
                .iter()
                .map(|day| FileId::of_part(name, *day, &object.key));
            ids.collect::<Vec<_>>()
        };
        objects.iter().flat_map(of_object).collect()
    }

    fn finding(&self, what: What, object: &str, detail: Option<String>) -> Finding {
        Finding {
            pipeline: self.table.pipeline().name(),
            side: Side::Lake,
            what,
            object: object.to_owned(),
            item: None,
            detail,
        }
    }
}
