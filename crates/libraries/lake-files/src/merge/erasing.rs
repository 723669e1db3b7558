//! A file without some of its rows.
//!
//! It is written again row group by row group, in its order. A monthly copy has each day's rows in row groups of their own, by whose
//! statistics queries skip the other days; and no more than one column of one row group is in memory, however long the file is.

use std::{
    borrow::Cow,
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
    /// What the rest was written to, in its order; none if no row is left out.
    pub out: Option<W>,
}

/// A row group of a file.
struct Group<'a> {
    file: &'a FileReader,
    index: usize,
    /// The indices of the rows that are left out, in their order.
    erased: Vec<u32>,
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
        let mut finished = None;
        catch(|| {
            finished = Some(self.write_without(out, id, owner, &mut is_erased));
            Ok(())
        })?;
        finished.unwrap_or_else(|| Err(io::Error::other("nothing was written").into()))
    }

    fn write_without<W: Write + Send>(
        &self,
        out: impl FnOnce() -> io::Result<W>,
        id: FileId,
        owner: &str,
        is_erased: &mut impl FnMut(Option<&str>, Option<&str>) -> bool,
    ) -> Result<WithoutRows<W>, MergeError> {
        let groups = self.search_groups(owner, is_erased)?;
        let row_count = to_u64(super::row_count(&self.files));
        let erased_count = to_u64(groups.iter().map(|group| group.erased.len()).sum());
        if erased_count == 0 {
            return Ok(WithoutRows {
                row_count,
                erased_count,
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
            out: Some(out),
        })
    }

    /// The row groups of all files, with the rows that are left out.
    fn search_groups(
        &self,
        owner: &str,
        is_erased: &mut impl FnMut(Option<&str>, Option<&str>) -> bool,
    ) -> Result<Vec<Group<'_>>, ReadError> {
        let column = |wanted: &str| {
            column_types(&self.table)
                .enumerate()
                .find(|(_, (name, _))| *name == wanted)
                .map(|(index, (_, kind))| (index, kind))
        };
        let (owner, extra) = (column(owner), column(EXTRA));
        let mut groups = Vec::new();
        for file in &self.files {
            for index in 0..file.group_count() {
                let mut group = Group {
                    file,
                    index,
                    erased: Vec::new(),
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
                    is_erased(owner.as_deref(), extra.as_deref())
                };
                let erased = group.rows().filter(is_left_out).collect();
                group.erased = erased;
                groups.push(group);
            }
        }
        Ok(groups)
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
