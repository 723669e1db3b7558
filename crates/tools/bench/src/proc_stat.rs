//! CPU time and memory of processes, from `/proc`. <https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html>

use std::{fs, time::Duration};

use anyhow::{Context, Result};

/// The unit of the times in `/proc/<pid>/stat`. It is 1/100 s on every Linux, whatever the kernel's own clock.
const TICK: Duration = Duration::from_millis(10);

/// The fields of `/proc/<pid>/stat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    /// CPU time of the process itself.
    own: Duration,
    /// CPU time of its children that have ended and were waited for.
    children: Duration,
}

/// The CPU time of this process so far.
pub(crate) fn of_this_process() -> Result<Duration> {
    Ok(stat("self")?.own)
}

/// The CPU time of the ended children of this process so far.
pub(crate) fn of_ended_children() -> Result<Duration> {
    Ok(stat("self")?.children)
}

/// The CPU time of the threads of a process so far, by the scheduler's clock, in nanoseconds.
/// <https://docs.kernel.org/scheduler/sched-stats.html#proc-pid-schedstat>
pub(crate) fn of_threads(pid: u32) -> Result<Duration> {
    let folder = format!("/proc/{pid}/task");
    let mut total = Duration::ZERO;
    for entry in fs::read_dir(&folder).with_context(|| format!("reading {folder}"))? {
        let path = entry?.path().join("schedstat");
        let text =
            fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        let nanoseconds = text.split(' ').next().and_then(|first| first.parse().ok());
        let nanoseconds =
            nanoseconds.with_context(|| format!("understanding {}", path.display()))?;
        total += Duration::from_nanos(nanoseconds);
    }
    Ok(total)
}

/// The parent of a process.
pub(crate) fn parent_of(pid: u32) -> Result<u32> {
    Ok(stat(&pid.to_string())?.parent)
}

/// The CPU time of a process and all its children so far, including children that have ended.
pub(crate) fn of_family(parent: u32) -> Result<Duration> {
    let name = parent.to_string();
    loop {
        let before = stat(&name)?;
        let living = of_living_children(parent)?;
        let after = stat(&name)?;
        // A child that ended meanwhile has moved from the living to the ended, and was counted once, twice or not at all.
        if before.children == after.children {
            return Ok(after.own + after.children + living);
        }
    }
}

fn of_living_children(parent: u32) -> Result<Duration> {
    let mut total = Duration::ZERO;
    for entry in fs::read_dir("/proc").context("reading /proc")? {
        let name = entry.context("reading /proc")?.file_name();
        // An entry that is not a process, or a process that has just ended, has no stat.
        let Some(child) = name.to_str().and_then(|name| stat(name).ok()) else {
            continue;
        };
        if child.parent == parent {
            total += child.own + child.children;
        }
    }
    Ok(total)
}

/// Resets the peak of this process's memory; returns the number of resident bytes.
pub(crate) fn reset_peak_memory() -> Result<usize> {
    fs::write("/proc/self/clear_refs", "5").context("writing /proc/self/clear_refs")?;
    status_bytes("VmRSS")
}

/// The peak of this process's resident bytes since [`reset_peak_memory`].
pub(crate) fn peak_memory() -> Result<usize> {
    status_bytes("VmHWM")
}

fn status_bytes(name: &str) -> Result<usize> {
    let text = fs::read_to_string("/proc/self/status").context("reading /proc/self/status")?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kilobytes = line.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse::<usize>().ok());
    let kilobytes = kilobytes.with_context(|| format!("finding {name} in /proc/self/status"))?;
    Ok(kilobytes * 1_024)
}

fn stat(pid: &str) -> Result<Stat> {
    let path = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    parse(&text).with_context(|| format!("understanding {path}"))
}

fn parse(text: &str) -> Option<Stat> {
    // The second field is the program's name in parentheses, which may contain anything.
    let (_, after_name) = text.rsplit_once(')')?;
    let fields: Vec<&str> = after_name.split_ascii_whitespace().collect();
    // Field 3 is the first of these.
    let field = |number: usize| fields.get(number - 3).copied();
    let ticks = |number| field(number)?.parse::<u32>().ok();
    Some(Stat {
        parent: field(4)?.parse().ok()?,
        own: TICK * (ticks(14)? + ticks(15)?),
        children: TICK * (ticks(16)? + ticks(17)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_is_read_past_a_strange_name() {
        let text = "42 (a) b (c) S 7 42 42 0 -1 4194304 100 200 0 0 150 50 30 20 20 0 1 0 1000";

        assert_eq!(
            parse(text),
            Some(Stat {
                parent: 7,
                own: Duration::from_secs(2),
                children: Duration::from_millis(500),
            })
        );
        assert_eq!(parse("42 (short) S 7"), None);
    }
}
