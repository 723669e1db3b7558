//! Distinguishing a process from a later one with the same number.

use std::{fs, process::Command};

use nix::{
    sys::signal::{Signal, kill, killpg},
    unistd::Pid,
};
use serde::{Deserialize, Serialize};

/// A process, by its number and its start time. Numbers are reused, the pair is not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pid: i32,
    started: String,
}

impl Identity {
    /// The process that currently has the number `pid`.
    pub(crate) fn of(pid: i32) -> Option<Self> {
        let started = start_time(pid)?;
        Some(Self { pid, started })
    }

    pub(crate) fn pid(&self) -> i32 {
        self.pid
    }

    pub(crate) fn is_alive(&self) -> bool {
        Self::of(self.pid).as_ref() == Some(self)
    }

    /// Sends a signal to the process alone, if it is still that process.
    pub(crate) fn signal(&self, signal: Signal) {
        if self.is_alive() {
            // It may end in between; then there is nothing to signal.
            let _ = kill(Pid::from_raw(self.pid), signal);
        }
    }

    /// Kills the process and what is left of the group that it leads.
    pub(crate) fn kill_group(&self) {
        if self.is_alive() {
            let _ = killpg(Pid::from_raw(self.pid), Signal::SIGKILL);
        }
    }
}

/// When a living process started, as a text that differs for any two processes with the same number.
fn start_time(pid: i32) -> Option<String> {
    match fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => {
            let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
            parse_stat(&stat).map(|ticks| format!("{}:{ticks}", boot.trim()))
        }
        // No such process, or no such file system (macOS).
        Err(_) if fs::exists("/proc/self/stat").unwrap_or(false) => None,
        Err(_) => ask_ps(pid),
    }
}

/// The start time in clock ticks since boot, from a line of `/proc/<pid>/stat`; `None` for a zombie.
/// The second field is the program's name in parentheses, which may contain spaces and parentheses
/// (<https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html>).
fn parse_stat(stat: &str) -> Option<&str> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace();
    let state = fields.next()?;
    // State is field 3, the start time field 22.
    let ticks = fields.nth(18)?;
    (state != "Z").then_some(ticks)
}

fn ask_ps(pid: i32) -> Option<String> {
    let output = Command::new("ps")
        .args(["-o", "lstart=", "-p", &pid.to_string()])
        .output()
        .ok()?;
    let started = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (!started.is_empty()).then_some(started)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_time_is_read_behind_any_name() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 9 9 9";

        assert_eq!(parse_stat(stat), Some("4711"));
    }

    #[test]
    fn a_zombie_is_not_alive() {
        let stat = "7 (x) Z 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 9 9 9";

        assert_eq!(parse_stat(stat), None);
    }

    #[test]
    fn a_process_is_told_from_an_earlier_one_of_its_number() {
        let own_pid = i32::try_from(std::process::id()).unwrap();
        let myself = Identity::of(own_pid).expect("this process is alive");
        let earlier = Identity {
            pid: own_pid,
            started: "long ago".into(),
        };

        assert!(myself.is_alive());
        assert!(!earlier.is_alive());
    }
}
