//! The files, and the text in them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail, ensure};
use aws_io::gzip::decode_capped;
use event_model::ByteForm;

/// The most bytes of a file, as stored and expanded. Larger ones have to be split.
const MAX_BYTES: usize = 256 << 20;

/// The files among the paths and, in the order of their names, in the folders among them. Hidden files are left out.
pub(super) fn find_files(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        let kind = fs::metadata(path).with_context(|| format!("reading {}", path.display()))?;
        if kind.is_dir() {
            find_in(path, &mut files)?;
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

fn find_in(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    let mut entries = entries
        .collect::<std::io::Result<Vec<_>>>()
        .with_context(|| format!("reading {}", folder.display()))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let kind = entry.file_type().context("reading the type of a file")?;
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        // Links are not followed: one may lead back.
        if kind.is_dir() {
            find_in(&entry.path(), files)?;
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    Ok(())
}

/// The text of a file, expanded if it is gzip, whatever its name says.
pub(super) fn read_text(file: &Path) -> Result<String> {
    let size = fs::metadata(file)?.len();
    ensure!(
        usize::try_from(size).is_ok_and(|size| size <= MAX_BYTES),
        "larger than {MAX_BYTES} bytes: split it"
    );
    let mut bytes = fs::read(file)?;
    if ByteForm::of(&bytes) == Some(ByteForm::Gzip) {
        bytes = decode_capped(&bytes, MAX_BYTES)?;
    }
    if let Some(form) = ByteForm::of(&bytes) {
        bail!("{form}, not JSON text or gzip");
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        // Some systems wrote other encodings into single values; JSON's structure does not depend on them.
        Err(error) => Ok(String::from_utf8_lossy(error.as_bytes()).into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use aws_io::gzip;

    use super::*;

    #[test]
    fn folders_are_searched_and_gzip_is_expanded_whatever_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("b")).unwrap();
        fs::write(path("b/inner"), gzip::encode(b"[]")).unwrap();
        fs::write(path("a.json"), "{}").unwrap();
        fs::write(path(".hidden"), "{}").unwrap();
        fs::write(path("c.zip"), b"PK\x03\x04").unwrap();

        let files = find_files(&[folder.path().to_owned()]).unwrap();

        assert_eq!(files, [path("a.json"), path("b/inner"), path("c.zip")]);
        assert_eq!(read_text(&files[0]).unwrap(), "{}");
        assert_eq!(read_text(&files[1]).unwrap(), "[]");
        let error = read_text(&files[2]).unwrap_err().to_string();
        assert!(error.contains("not JSON text"), "{error}");
        assert!(find_files(&[path("missing")]).is_err());
    }
}
