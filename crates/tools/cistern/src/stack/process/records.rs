//! The processes that a stack has started, on disk, so that the next one can clean up after a crash.

use std::{collections::BTreeMap, fs, path::PathBuf, time::Duration};

use anyhow::{Context as _, Result};
use nix::sys::signal::Signal;

use super::{Identity, Service, wait_for};
use crate::stack::data_dir::{DataDir, write_private};

/// How long a leftover process may take to exit by itself.
const GRACE: Duration = Duration::from_secs(15);

/// The processes of a stack, by name, kept in `processes.json`.
#[derive(Debug)]
pub(crate) struct Records {
    path: PathBuf,
    processes: BTreeMap<String, Identity>,
}

impl Records {
    /// Starts with this process only.
    pub(crate) fn begin(data_dir: &DataDir) -> Result<Self> {
        let own_pid =
            i32::try_from(std::process::id()).context("reading our own process number")?;
        let myself = Identity::of(own_pid).context("reading our own start time")?;
        let records = Self {
            path: data_dir.processes_json(),
            processes: [("cistern".to_owned(), myself)].into(),
        };
        records.write()?;
        Ok(records)
    }

    /// The last record; empty if there is none.
    pub(crate) fn read(data_dir: &DataDir) -> Result<Self> {
        let path = data_dir.processes_json();
        let processes = match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)
                .with_context(|| format!("reading {}", path.display()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => {
                return Err(error).with_context(|| format!("reading {}", path.display()));
            }
        };
        Ok(Self { path, processes })
    }

    pub(crate) fn add(&mut self, service: &Service) -> Result<()> {
        self.processes
            .insert(service.name().to_owned(), service.identity().clone());
        self.write()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Identity> {
        self.processes.get(name)
    }

    /// The process numbers, by name.
    pub(crate) fn pids(&self) -> BTreeMap<String, i32> {
        self.processes
            .iter()
            .map(|(name, process)| (name.clone(), process.pid()))
            .collect()
    }

    /// Whether each process is alive, by name.
    pub(crate) fn liveness(&self) -> BTreeMap<String, bool> {
        self.processes
            .iter()
            .map(|(name, process)| (name.clone(), process.is_alive()))
            .collect()
    }

    /// Clears the record, because everything has been stopped.
    pub(crate) fn remove(&self) {
        // The recorded processes have ended, so a file that stays does no harm.
        let _ = fs::remove_file(&self.path);
    }

    fn write(&self) -> Result<()> {
        write_private(&self.path, &serde_json::to_vec_pretty(&self.processes)?)
    }
}

/// Stops the processes that a crashed stack has left running; returns their names. To be called by the owner of
/// the data directory only.
pub(crate) async fn stop_leftovers(data_dir: &DataDir) -> Result<Vec<String>> {
    let records = Records::read(data_dir)?;
    let leftovers: Vec<(&String, &Identity)> = records
        .processes
        .iter()
        .filter(|(name, process)| *name != "cistern" && process.is_alive())
        .collect();
    for (name, process) in &leftovers {
        // For Postgres this means "do not wait for clients", for the emulator "save and exit".
        process.signal(Signal::SIGINT);
        let ended = wait_for(
            name,
            GRACE,
            async || Ok((!process.is_alive()).then_some(())),
        );
        if ended.await.is_err() {
            process.kill_group();
        }
    }
    let names = leftovers.iter().map(|(name, _)| (*name).clone()).collect();
    records.remove();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn leftovers_are_stopped_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = DataDir::resolve(Some(folder.path())).unwrap();
        data_dir.create().unwrap();
        let mut leftover = start(&data_dir, "leftover");
        let bystander = start(&data_dir, "bystander");
        let mut records = Records::begin(&data_dir).unwrap();
        records.add(&leftover).unwrap();

        let stopped = stop_leftovers(&data_dir).await.unwrap();

        assert_eq!(stopped, ["leftover"]);
        leftover.exited().await.unwrap();
        assert!(bystander.identity().is_alive());
        assert!(!data_dir.processes_json().exists());
        bystander.stop().await;
    }

    fn start(data_dir: &DataDir, name: &'static str) -> Service {
        let mut command = tokio::process::Command::new("sleep");
        command.arg("60");
        Service::start(name, &mut command, &data_dir.log(name), Signal::SIGTERM).unwrap()
    }
}
