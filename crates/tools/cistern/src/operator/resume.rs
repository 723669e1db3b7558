//! Where a long command stopped, in a file, so that the same command continues there after it was killed.

use std::{
    env, fs,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};

use crate::{operator::target::StackTarget, stack::data_dir::write_private};

/// The letters of the hash in a file's name.
const ID_LETTERS: usize = 16;

/// The state of one command with one set of options.
#[derive(Debug)]
pub(crate) struct StateFile {
    path: PathBuf,
}

impl StateFile {
    /// The file of a command, such as `replay`, and of what distinguishes it from other runs of that command. It is in the data directory
    /// of a local stack, else in `~/.local/state/cistern` (or `XDG_STATE_HOME`).
    ///
    /// # Errors
    /// No folder can be found or created.
    pub(crate) fn of(
        target: &StackTarget,
        command: &str,
        identity: &impl Serialize,
    ) -> Result<Self> {
        let folder = match &target.local {
            Some((data_dir, _)) => data_dir.path().join("commands"),
            None => state_home(|name| env::var_os(name).map(PathBuf::from))?,
        };
        Self::in_folder(&folder, command, identity)
    }

    fn in_folder(folder: &Path, command: &str, identity: &impl Serialize) -> Result<Self> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .with_context(|| format!("creating {}", folder.display()))?;
        let digest = hex::encode(Sha256::digest(serde_json::to_vec(identity)?));
        let id = digest.get(..ID_LETTERS).unwrap_or(&digest);
        Ok(Self {
            path: folder.join(format!("{command}-{id}.json")),
        })
    }

    /// What an interrupted run wrote; `None` when there is none.
    ///
    /// # Errors
    /// The file cannot be read, or was not written by this version.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<Option<T>> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(error).with_context(|| format!("reading {}", self.path.display()));
            }
        };
        serde_json::from_slice(&bytes).map(Some).with_context(|| {
            format!(
                "{} was written by another version: --restart begins again",
                self.path.display()
            )
        })
    }

    /// Replaces the state, atomically.
    pub(crate) fn write(&self, state: &impl Serialize) -> Result<()> {
        write_private(&self.path, &serde_json::to_vec(state)?)
    }

    /// Removes the file: the work is done, or begins again.
    pub(crate) fn remove(&self) -> Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("removing {}", self.path.display()))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

fn state_home(variable: impl Fn(&str) -> Option<PathBuf>) -> Result<PathBuf> {
    let named = |name| variable(name).filter(|path| path.is_absolute());
    let state = named("XDG_STATE_HOME").or_else(|| Some(named("HOME")?.join(".local/state")));
    state
        .map(|state| state.join("cistern"))
        .context("finding a folder for the state: set XDG_STATE_HOME or HOME")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_set_of_options_has_its_own_state_until_it_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let file =
            |identity: &str| StateFile::in_folder(folder.path(), "replay", &identity).unwrap();
        let (one, other) = (file("one"), file("other"));

        assert_eq!(one.read::<u32>().unwrap(), None);
        one.write(&7).unwrap();
        one.write(&8).unwrap();

        assert_eq!(file("one").read::<u32>().unwrap(), Some(8));
        assert_eq!(other.read::<u32>().unwrap(), None);
        let error = one.read::<String>().unwrap_err();
        assert!(error.to_string().contains("--restart"), "{error}");
        one.remove().unwrap();
        one.remove().unwrap();
        assert_eq!(one.read::<u32>().unwrap(), None);
    }

    #[test]
    fn without_a_data_directory_the_state_is_in_the_users_own_folder() {
        let of = |set: &'static [(&str, &str)]| {
            state_home(|name| {
                let (_, value) = set.iter().find(|(other, _)| *other == name)?;
                Some(PathBuf::from(value))
            })
        };

        assert_eq!(
            of(&[("HOME", "/h")]).unwrap(),
            Path::new("/h/.local/state/cistern")
        );
        assert_eq!(
            of(&[("HOME", "/h"), ("XDG_STATE_HOME", "/s")]).unwrap(),
            Path::new("/s/cistern")
        );
        assert!(of(&[("HOME", "")]).is_err());
    }
}
