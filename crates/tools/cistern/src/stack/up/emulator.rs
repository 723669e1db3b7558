//! The AWS emulator, which also runs the functions as its child processes.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result};
use aws_io::LOCAL_KEY;
use nix::sys::signal::Signal;
use tokio::process::Command;

use crate::{
    http,
    stack::{
        data_dir::DataDir,
        process::{Service, wait_for},
    },
};

/// The region of everything deployed.
pub(crate) const REGION: &str = "us-east-1";
/// The bucket to which SAM uploads code.
pub(crate) const CODE_BUCKET: &str = "cistern-deploy";
/// The account that the emulator acts for.
const ACCOUNT: &str = "000000000000";
const START_LIMIT: Duration = Duration::from_mins(1);

/// How to start and reach the emulator.
#[derive(Debug)]
pub(crate) struct Emulator {
    program: PathBuf,
    folder: PathBuf,
    log: PathBuf,
    port: u16,
}

impl Emulator {
    pub(crate) fn new(program: PathBuf, data_dir: &DataDir, port: u16) -> Self {
        Self {
            program,
            folder: data_dir.emulator(),
            log: data_dir.log("emulator"),
            port,
        }
    }

    /// Its endpoint, by IP address: with `localhost` the SDK would put the bucket into the host name.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Starts it.
    pub(crate) fn start(&self) -> Result<Service> {
        self.clear_caches()?;
        let mut command = Command::new(&self.program);
        command
            .current_dir(&self.folder)
            .env_clear()
            .envs(self.environment());
        // SIGTERM: save the state, then exit.
        Service::start("emulator", &mut command, &self.log, Signal::SIGTERM)
    }

    /// Waits until it responds.
    pub(crate) async fn wait_until_ready(&self, service: &mut Service) -> Result<()> {
        let client = http::client(Duration::from_secs(2))?;
        let health = format!("{}/_ministack/health", self.url());
        wait_for("the emulator to respond", START_LIMIT, async || {
            service.ensure_running()?;
            let answer = client.get(&health).send().await;
            Ok(answer
                .is_ok_and(|answer| answer.status().is_success())
                .then_some(()))
        })
        .await
    }

    /// Replaces the old port in the saved state, where queues are named by their URL.
    pub(crate) fn move_from(&self, old_port: u16) -> Result<()> {
        let state = self.folder.join("state");
        if old_port == self.port || !state.exists() {
            return Ok(());
        }
        for entry in fs::read_dir(&state).context("reading the emulator's state")? {
            let path = entry.context("reading the emulator's state")?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "json")
            {
                replace(
                    &path,
                    &format!("127.0.0.1:{old_port}"),
                    &format!("127.0.0.1:{}", self.port),
                )
                .with_context(|| format!("moving {}", path.display()))?;
            }
        }
        Ok(())
    }

    /// Removes old versions of the functions, which the emulator keeps unpacked and as uploaded.
    fn clear_caches(&self) -> Result<()> {
        let temporary = self.folder.join("tmp");
        let uploads = self.folder.join("s3").join(ACCOUNT).join(CODE_BUCKET);
        for folder in [&temporary, &uploads] {
            if folder.exists() {
                fs::remove_dir_all(folder)
                    .with_context(|| format!("removing {}", folder.display()))?;
            }
        }
        fs::create_dir_all(&temporary).with_context(|| format!("creating {}", temporary.display()))
    }

    /// The functions inherit this environment, so it contains nothing of the user's.
    fn environment(&self) -> Vec<(&'static str, String)> {
        let inside = |name: &str| self.folder.join(name).to_string_lossy().into_owned();
        vec![
            ("PATH", env::var("PATH").unwrap_or_default()),
            ("LANG", "C.UTF-8".into()),
            ("HOME", inside("")),
            ("TMPDIR", inside("tmp")),
            ("GATEWAY_PORT", self.port.to_string()),
            ("BIND_HOST", "127.0.0.1".into()),
            ("MINISTACK_HOST", "127.0.0.1".into()),
            ("MINISTACK_REGION", REGION.into()),
            // Inherited by the functions, whose SDK finds the emulator by it.
            ("AWS_ENDPOINT_URL", self.url()),
            ("LAMBDA_EXECUTOR", "local".into()),
            // IAM is enforced for every call; a function has the permissions of its role. Only this key may do everything.
            ("AUTH", "true".into()),
            ("AWS_ACCESS_KEY_ID", LOCAL_KEY.into()),
            ("AWS_SECRET_ACCESS_KEY", LOCAL_KEY.into()),
            // The most recorded calls, which include the request: limits the memory.
            ("CLOUDTRAIL_MAX_EVENTS", "4000".into()),
            // AWS sets this from the template's LoggingConfig; the emulator does not.
            ("AWS_LAMBDA_LOG_FORMAT", "JSON".into()),
            // Objects are on disk before their PUT is answered; everything else is saved on a regular end.
            ("S3_PERSIST", "1".into()),
            ("S3_DATA_DIR", inside("s3")),
            ("PERSIST_STATE", "1".into()),
            ("STATE_DIR", inside("state")),
            // It would remove containers that it regards as its own.
            ("DOCKER_HOST", format!("unix://{}", inside("no-docker"))),
            ("SFTP_ENABLED", "0".into()),
            ("IOT_MTLS_ENABLED", "0".into()),
        ]
    }
}

fn replace(path: &Path, old: &str, new: &str) -> io::Result<()> {
    let text = fs::read_to_string(path)?;
    if text.contains(old) {
        fs::write(path, text.replace(old, new))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saved_queues_follow_a_change_of_port() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = DataDir::resolve(Some(folder.path())).unwrap();
        let state = data_dir.emulator().join("state");
        fs::create_dir_all(&state).unwrap();
        let saved = state.join("sqs.json");
        fs::write(&saved, r#"{"http://127.0.0.1:4001/0/load": 40011}"#).unwrap();
        let emulator = Emulator::new("ministack".into(), &data_dir, 5002);

        emulator.move_from(4001).unwrap();

        assert_eq!(
            fs::read_to_string(&saved).unwrap(),
            r#"{"http://127.0.0.1:5002/0/load": 40011}"#
        );
    }
}
