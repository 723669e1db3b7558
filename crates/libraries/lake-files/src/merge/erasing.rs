//! A file without some of its rows.
//!
//! It is written again row group by row group, in its order. A monthly copy has each day's rows in row groups of their own, by whose
//! statistics queries skip the other days; and no more than one column of one row group is in memory, however long the file is.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    io::{self, Write},
    ops::Range,
};

use lake_schema::{ColumnType, EXTRA, FileId};

use super::{Merge, MergeError, new_spill_file, to_u64};
use crate::{
    columns::{Column, column_types},
    parquet_file::{FileReader, FileWriter, ReadError, catch},
};

/// What became of a file's rows.
#[derive(Debug)]
pub struct WithoutRows<W> {
    /// The rows that the file had.
    pub row_count: u64,
    /// Those that are left out.
    pub erased_count: u64,
    /// Of these, those that are left out for a text of theirs, and not by their owner.
    pub mentioned_count: u64,
    /// What the rest was written to, in its order; none if no row is left out.
    pub out: Option<W>,
}

/// Whether a row is left out, by the text of its owner's column, and of what has no column.
type IsTheirs<'a> = &'a mut dyn FnMut(Option<&str>, Option<&str>) -> bool;
/// Whether a row is left out, by the name of a column and a text in it.
type IsMention<'a> = &'a mut dyn FnMut(&str, &str) -> bool;

/// Which rows are left out.
struct Choice<'a> {
    owner: &'a str,
    is_theirs: IsTheirs<'a>,
    is_mention: Option<IsMention<'a>>,
}

/// A row group of a file.
struct Group<'a> {
    file: &'a FileReader,
    index: usize,
    /// The indices of the rows that are left out, in their order.
    erased: Vec<u32>,
    /// How many of them are left out for a mention.
    mentioned_count: usize,
}

impl Merge {
    /// Writes the rows of the added files that `is_erased` does not choose, in their order, as the file `id`. It is given each row's
    /// text in the column `owner`, and what of the event has no column. `out` is only opened when a row is left out.
    ///
    /// # Errors
    /// When a file cannot be read, or the new one not be written.
    pub fn finish_without<W: Write + Send>(
        &self,
        out: impl FnOnce() -> io::Result<W>,
        id: FileId,
        owner: &str,
        mut is_erased: impl FnMut(Option<&str>, Option<&str>) -> bool,
    ) -> Result<WithoutRows<W>, MergeError> {
        let choice = Choice {
            owner,
            is_theirs: &mut is_erased,
            is_mention: None,
        };
        self.finish_with(choice, out, id)
    }

    /// The same without the rows in addition that have a text which `is_mention` chooses. It is given the name of a column and a text in it,
    /// one column after the other: numbers are texts too, times are not.
    ///
    /// # Errors
    /// When a file cannot be read, or the new one not be written.
    pub fn finish_without_mentions<W: Write + Send>(
        &self,
        out: impl FnOnce() -> io::Result<W>,
        id: FileId,
        owner: &str,
        mut is_erased: impl FnMut(Option<&str>, Option<&str>) -> bool,
        mut is_mention: impl FnMut(&str, &str) -> bool,
    ) -> Result<WithoutRows<W>, MergeError> {
        let choice = Choice {
            owner,
            is_theirs: &mut is_erased,
            is_mention: Some(&mut is_mention),
        };
        self.finish_with(choice, out, id)
    }

    fn finish_with<W: Write + Send>(
        &self,
        mut choice: Choice<'_>,
        out: impl FnOnce() -> io::Result<W>,
        id: FileId,
    ) -> Result<WithoutRows<W>, MergeError> {
        let mut finished = None;
        catch(|| {
            finished = Some(self.write_without(out, id, &mut choice));
            Ok(())
        })?;
        finished.unwrap_or_else(|| Err(io::Error::other("nothing was written").into()))
    }

    fn write_without<W: Write + Send>(
        &self,
        out: impl FnOnce() -> io::Result<W>,
        id: FileId,
        choice: &mut Choice<'_>,
    ) -> Result<WithoutRows<W>, MergeError> {
        let groups = self.search_groups(choice)?;
        let row_count = to_u64(super::row_count(&self.files));
        let erased_count = to_u64(groups.iter().map(|group| group.erased.len()).sum());
        let mentioned_count = to_u64(groups.iter().map(|group| group.mentioned_count).sum());
        if erased_count == 0 {
            return Ok(WithoutRows {
                row_count,
                erased_count,
                mentioned_count,
                out: None,
            });
        }
        let mut writer = FileWriter::new(out()?, &self.table, id)?;
        for group in &groups {
            self.write_kept(group, &mut writer)?;
        }
        let (out, _) = writer.finish()?;
        Ok(WithoutRows {
            row_count,
            erased_count,
            mentioned_count,
            out: Some(out),
        })
    }

    /// The row groups of all files, with the rows that are left out.
    fn search_groups(&self, choice: &mut Choice<'_>) -> Result<Vec<Group<'_>>, ReadError> {
        let column = |wanted: &str| {
            column_types(&self.table)
                .enumerate()
                .find(|(_, (name, _))| *name == wanted)
                .map(|(index, (_, kind))| (index, kind))
        };
        let (owner, extra) = (column(choice.owner), column(EXTRA));
        let mut groups = Vec::new();
        for file in &self.files {
            for index in 0..file.group_count() {
                let mut group = Group {
                    file,
                    index,
                    erased: Vec::new(),
                    mentioned_count: 0,
                };
                let read = |column: Option<(usize, ColumnType)>| {
                    column
                        .map(|(column_index, kind)| group.read(column_index, kind))
                        .transpose()
                };
                let (owners, extras) = (read(owner)?, read(extra)?);
                let is_left_out = |row: &u32| {
                    let row = *row as usize;
                    let owner = text(owners.as_ref(), row);
                    let extra = text(extras.as_ref(), row);
                    (choice.is_theirs)(owner.as_deref(), extra.as_deref())
                };
                let erased: Vec<u32> = group.rows().filter(is_left_out).collect();
                drop((owners, extras));
                let their_count = erased.len();
                group.erased = erased;
                if let Some(is_mention) = &mut choice.is_mention {
                    self.add_mentions(&mut group, is_mention)?;
                    group.mentioned_count = group.erased.len() - their_count;
                }
                groups.push(group);
            }
        }
        Ok(groups)
    }

    /// Adds the rows with a mention to those that are left out, with one column in memory at a time.
    fn add_mentions(
        &self,
        group: &mut Group<'_>,
        is_mention: &mut impl FnMut(&str, &str) -> bool,
    ) -> Result<(), ReadError> {
        let mut erased: BTreeSet<u32> = group.erased.iter().copied().collect();
        for (column_index, (name, kind)) in column_types(&self.table).enumerate() {
            if !matches!(kind, ColumnType::String | ColumnType::Bigint) {
                continue;
            }
            let column = group.read(column_index, kind)?;
            for row in group.rows() {
                let text = text(Some(&column), row as usize);
                if text.is_some_and(|text| is_mention(name, &text)) {
                    erased.insert(row);
                }
            }
        }
        group.erased = erased.into_iter().collect();
        Ok(())
    }

    /// Appends the rows that stay as a row group, if there are any.
    fn write_kept<W: Write + Send>(
        &self,
        group: &Group<'_>,
        writer: &mut FileWriter<W>,
    ) -> Result<(), MergeError> {
        let kept = group.kept();
        if kept.is_empty() {
            return Ok(());
        }
        let mut spill_file = new_spill_file(&self.directory)?;
        let mut chunks = Vec::new();
        for (column_index, (_, kind)) in column_types(&self.table).enumerate() {
            let column = group.read(column_index, kind)?;
            let chunk = writer.encoder().encode(column_index, &column, &kept)?;
            chunks.push(chunk.spill(&mut spill_file)?);
        }
        Ok(writer.append_group(kept.len(), chunks)?)
    }
}

impl Group<'_> {
    fn rows(&self) -> Range<u32> {
        let count = self.file.group_rows(self.index);
        0..u32::try_from(count).expect("a merge numbers rows by 32 bits")
    }

    fn kept(&self) -> Vec<u32> {
        let mut erased = self.erased.iter().peekable();
        self.rows()
            .filter(|row| erased.next_if_eq(&row).is_none())
            .collect()
    }

    fn read(&self, column_index: usize, kind: ColumnType) -> Result<Column, ReadError> {
        let mut column = Column::new(kind);
        self.file
            .read_group(self.index, column_index, &mut column, 0, |_, _| true)?;
        Ok(column)
    }
}

/// A value as text.
fn text(column: Option<&Column>, row: usize) -> Option<Cow<'_, str>> {
    match column? {
        Column::Text(values) => values.get(row).map(String::from_utf8_lossy),
        Column::Bigint(values) => Some(values.get(row).copied().flatten()?.to_string().into()),
        Column::Double(_) | Column::Boolean(_) | Column::Timestamp(_) => None,
    }
}
