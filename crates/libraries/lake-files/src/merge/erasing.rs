//! A file without some of its rows.

use std::io::{self, Write};

use lake_schema::{ColumnType, EXTRA, FileId};

use super::{
    Merge, MergeError, new_spill_file,
    source_files::{SourceFiles, SourceGroup},
    to_u64, writing,
};
use crate::{
    columns::{Column, column_types},
    parquet_file::{FileWriter, ReadError, catch},
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
        let files = SourceFiles::new(&self.files, &self.table, self.column_bytes);
        let kept = self.kept_rows(&files, owner, is_erased)?;
        let row_count = to_u64(files.row_count());
        let erased_count = row_count - to_u64(kept.len());
        if erased_count == 0 {
            return Ok(WithoutRows {
                row_count,
                erased_count,
                out: None,
            });
        }
        let mut writer = FileWriter::new(out()?, &self.table, id)?;
        let mut spill_file = new_spill_file(&self.directory)?;
        writing::write_rows(&files, &kept, &mut writer, &mut spill_file)?;
        let (out, _) = writer.finish()?;
        Ok(WithoutRows {
            row_count,
            erased_count,
            out: Some(out),
        })
    }

    /// The rows that stay, numbered through all files.
    fn kept_rows(
        &self,
        files: &SourceFiles<'_>,
        owner: &str,
        is_erased: &mut impl FnMut(Option<&str>, Option<&str>) -> bool,
    ) -> Result<Vec<u32>, ReadError> {
        let index = |wanted: &str| {
            column_types(&self.table)
                .enumerate()
                .find(|(_, (name, _))| *name == wanted)
                .map(|(index, (_, kind))| (index, kind))
        };
        let (owner, extra) = (index(owner), index(EXTRA));
        let mut kept = Vec::with_capacity(files.row_count());
        for SourceGroup { file, group, rows } in &files.groups {
            let read = |column: Option<(usize, ColumnType)>| {
                column
                    .map(|(index, kind)| {
                        let mut column = Column::new(kind);
                        file.read_group(*group, index, &mut column, 0, |_, _| true)?;
                        Ok::<_, ReadError>(column)
                    })
                    .transpose()
            };
            let (owners, extras) = (read(owner)?, read(extra)?);
            for (row_in_group, row) in rows.clone().enumerate() {
                let owner = text(owners.as_ref(), row_in_group);
                let extra = text(extras.as_ref(), row_in_group);
                if !is_erased(owner.as_deref(), extra.as_deref()) {
                    kept.push(u32::try_from(row).unwrap_or(u32::MAX));
                }
            }
        }
        Ok(kept)
    }
}

/// A value as text.
fn text(column: Option<&Column>, row: usize) -> Option<std::borrow::Cow<'_, str>> {
    match column? {
        Column::Text(values) => values.get(row).map(String::from_utf8_lossy),
        Column::Bigint(values) => Some(values.get(row).copied().flatten()?.to_string().into()),
        Column::Double(_) | Column::Boolean(_) | Column::Timestamp(_) => None,
    }
}
