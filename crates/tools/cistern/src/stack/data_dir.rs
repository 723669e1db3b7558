//! The data directory of a stack, its locks and its permissions.

use std::{
    env,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use nix::sys::stat::{Mode, umask};

use crate::stack::checkout::Checkout;

/// The variable that names the data directory for commands without `--data-dir`.
const VARIABLE: &str = "CISTERN_DATA_DIR";

/// The permissions of group and others, which no file has: the emulator's state, objects, logs and copies contain keys and addresses.
const GROUP_AND_OTHERS: u32 = 0o077;

/// A stack's data directory, which only its owner may read. Its files:
///
/// | | |
/// |---|---|
/// | `stack.json` | the running stack ([`crate::stack::Stack`]) |
/// | `processes.json` | the started processes, so that they can be stopped after a crash |
/// | `ports.json` | the ports of the last start, to be reused |
/// | `postgres/`, `emulator/` | the data |
/// | `lake/` | the copy of the lake for `cistern query` |
/// | `build/` | the packed functions and the template as deployed |
/// | `logs/` | one file for each process and tool |
#[derive(Clone, Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
}

/// Held by the one process that runs the stack, as long as it runs. The system releases it when that process ends for any reason.
#[derive(Debug)]
#[expect(dead_code, reason = "held, never read")]
pub(crate) struct Ownership(File);

/// Held while a stack is started or redeployed, or while the copy of its lake is in use.
#[derive(Debug)]
#[expect(dead_code, reason = "held, never read")]
pub(crate) struct DirLock(File);

impl DataDir {
    /// The directory in `--data-dir`, else in the variable `CISTERN_DATA_DIR`, else the checkout's own. It need not
    /// exist.
    pub(crate) fn resolve(given: Option<&Path>) -> Result<Self> {
        let variable = env::var_os(VARIABLE).filter(|value| !value.is_empty());
        let path = match given.or(variable.as_deref().map(Path::new)) {
            Some(path) => std::path::absolute(path)
                .with_context(|| format!("resolving {}", path.display()))?,
            None => Checkout::around_working_directory()
                .with_context(|| {
                    format!("finding the local stack: run this in its checkout, or name its data directory with --data-dir or {VARIABLE}")
                })?
                .default_data_dir(),
        };
        Ok(Self { path })
    }

    /// Creates the directory and its folders, and restricts what an older version left readable for others.
    pub(crate) fn create(&self) -> Result<()> {
        for folder in [self.logs(), self.build(), self.emulator()] {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&folder)
                .with_context(|| format!("creating {}", folder.display()))?;
        }
        self.restrict()
    }

    /// Removes all permissions of others on everything in the directory, except the tools, which are in the checkout's own directory, and
    /// other data directories, which restrict themselves.
    pub(crate) fn restrict(&self) -> Result<()> {
        if !self.path.exists() {
            return Ok(());
        }
        restrict(&self.path)?;
        let own = [
            self.postgres(),
            self.postgres().with_extension("unfinished"),
            self.emulator(),
            self.lake_copy(),
            self.build(),
            self.logs(),
        ];
        let entries = fs::read_dir(&self.path);
        for entry in entries.with_context(|| format!("reading {}", self.path.display()))? {
            let path = entry
                .with_context(|| format!("reading {}", self.path.display()))?
                .path();
            if own.contains(&path) || !path.is_dir() {
                restrict_tree(path)?;
            }
        }
        Ok(())
    }

    /// Removes all data. Only the owner may call it.
    pub(crate) fn wipe(&self) -> Result<()> {
        for path in [self.postgres(), self.emulator(), self.lake_copy()] {
            remove_if_there(&path, fs::remove_dir_all(&path))?;
        }
        let password = self.postgres_password();
        remove_if_there(&password, fs::remove_file(&password))?;
        self.create()
    }

    /// Removes `stack.json`, which is no longer true.
    pub(crate) fn remove_stack_json(&self) -> Result<()> {
        let path = self.stack_json();
        remove_if_there(&path, fs::remove_file(&path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn stack_json(&self) -> PathBuf {
        self.path.join("stack.json")
    }

    pub(crate) fn processes_json(&self) -> PathBuf {
        self.path.join("processes.json")
    }

    pub(crate) fn ports_json(&self) -> PathBuf {
        self.path.join("ports.json")
    }

    pub(crate) fn postgres(&self) -> PathBuf {
        self.path.join("postgres")
    }

    pub(crate) fn postgres_password(&self) -> PathBuf {
        self.path.join("postgres.password")
    }

    pub(crate) fn emulator(&self) -> PathBuf {
        self.path.join("emulator")
    }

    pub(crate) fn lake_copy(&self) -> PathBuf {
        self.path.join("lake")
    }

    pub(crate) fn build(&self) -> PathBuf {
        self.path.join("build")
    }

    pub(crate) fn logs(&self) -> PathBuf {
        self.path.join("logs")
    }

    /// The log of one process or tool.
    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.logs().join(format!("{name}.log"))
    }

    /// Becomes the owner; `None` if another process runs the stack.
    pub(crate) fn try_own(&self) -> Result<Option<Ownership>> {
        let file = self.lock_file("owner.lock")?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Ownership(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error).context("locking the data directory"),
        }
    }

    /// Whether a process runs the stack.
    pub(crate) fn is_owned(&self) -> Result<bool> {
        if !self.path.join("owner.lock").exists() {
            return Ok(false);
        }
        Ok(self.try_own()?.is_none())
    }

    /// Waits for another process that starts or redeploys the stack. Blocks.
    pub(crate) fn lock(&self) -> Result<DirLock> {
        let file = self.lock_file("turn.lock")?;
        file.lock().context("waiting for the other `cistern up`")?;
        Ok(DirLock(file))
    }

    /// Waits for another query that uses the copy of the lake. Blocks.
    pub(crate) fn lock_lake_copy(&self) -> Result<DirLock> {
        let file = self.lock_file("lake.lock")?;
        file.lock()
            .context("waiting for the other `cistern query`")?;
        Ok(DirLock(file))
    }

    fn lock_file(&self, name: &str) -> Result<File> {
        let path = self.path.join(name);
        OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("opening {}", path.display()))
    }
}

/// From now on, files that this process and its children create are readable by the owner only.
pub(crate) fn create_only_for_owner() {
    umask(Mode::from_bits_truncate(GROUP_AND_OTHERS));
}

/// Restricts a file, or a folder and everything in it. Links are skipped: they have no permissions, and their targets are elsewhere.
fn restrict_tree(path: PathBuf) -> Result<()> {
    let mut waiting = vec![path];
    while let Some(path) = waiting.pop() {
        let is_folder = match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_symlink() => continue,
            Ok(metadata) => metadata.is_dir(),
            Err(error) => {
                unless_gone(&path, Err(error))?;
                continue;
            }
        };
        restrict(&path)?;
        if is_folder {
            let entries = fs::read_dir(&path).and_then(|entries| {
                entries
                    .map(|entry| Ok(entry?.path()))
                    .collect::<io::Result<Vec<_>>>()
            });
            match entries {
                Ok(entries) => waiting.extend(entries),
                Err(error) => unless_gone(&path, Err(error))?,
            }
        }
    }
    Ok(())
}

fn restrict(path: &Path) -> Result<()> {
    let remove_permissions = || {
        let mode = fs::metadata(path)?.permissions().mode();
        if mode & GROUP_AND_OTHERS == 0 {
            return Ok(());
        }
        fs::set_permissions(path, fs::Permissions::from_mode(mode & !GROUP_AND_OTHERS))
    };
    unless_gone(path, remove_permissions())
}

/// Ignores a missing file, since a running stack may remove files at any time.
fn unless_gone(path: &Path, outcome: io::Result<()>) -> Result<()> {
    match outcome {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error)
            .with_context(|| format!("removing the permissions of others on {}", path.display())),
        _ => Ok(()),
    }
}

fn remove_if_there(path: &Path, removal: std::io::Result<()>) -> Result<()> {
    match removal {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Writes a file that only its owner may read, atomically.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> Result<()> {
    let unfinished = path.with_extension("unfinished");
    let write = || {
        // A file left by a crash might have other permissions.
        match fs::remove_file(&unfinished) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(&unfinished)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&unfinished, path)
    };
    write().with_context(|| format!("writing {}", path.display()))
}

#[cfg(test)]
mod tests;
