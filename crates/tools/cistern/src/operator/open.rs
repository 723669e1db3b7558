//! `cistern open`: the console in a browser.
//!
//! On the local stack the person is signed in. The key must not be in an address, which browsers remember and processes show. So this
//! command signs in itself, and hands over the session: it serves one page on 127.0.0.1 that sets the session's cookie, which belongs to
//! the host and not to a port, and leads on to the console. The address of that page has a random part that works once, and
//! it is given to the browser in a file that only its owner may read, because command lines can be read by others.

mod handover;
mod session;

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::json;
use tokio::process::Command;

use self::handover::Handover;
use crate::{
    operator::target::TargetArgs,
    output::line,
    stack::{Stack, data_dir::DataDir},
};

/// How long the page waits for a browser.
const TIMEOUT: Duration = Duration::from_mins(1);

/// Options of `cistern open`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    target: TargetArgs,

    /// Print the address of the console instead of opening it
    #[arg(long)]
    print: bool,

    /// Print the address as JSON
    #[arg(long, requires = "print")]
    json: bool,
}

pub(crate) async fn run(options: &Options) -> Result<()> {
    let target = options.target.find().await?;
    let url = match &target.local {
        Some((_, stack)) => format!("{}/console", stack.base_url),
        None => target.output("ConsoleUrl")?.to_owned(),
    };
    let suffix = &target.suffix;
    if options.print {
        if options.json {
            line!("{}", json!({ "console_url": url }))?;
        } else {
            line!("{url}")?;
        }
        eprintln!("sign in with the key of the scope query: `cistern keys{suffix}` prints it");
        return Ok(());
    }
    if let Some((data_dir, stack)) = &target.local {
        return open_signed_in(data_dir, stack, &url, suffix).await;
    }
    if !start_browser(&url).await {
        eprintln!("no browser could be started; open {url}");
    }
    eprintln!("sign in with the key of the scope query: `cistern keys{suffix}` prints it");
    Ok(())
}

async fn open_signed_in(data_dir: &DataDir, stack: &Stack, url: &str, suffix: &str) -> Result<()> {
    let cookies = session::sign_in(&stack.base_url, stack.key("query")?)
        .await
        .context("signing in to the console")?;
    let handover = Handover::start(cookies, url).await?;
    let file = data_dir.path().join("open.html");
    handover.write_link(&file)?;
    let link = format!("file://{}", file.display());
    if !start_browser(&link).await {
        eprintln!(
            "no browser could be started; open {link} within {} s",
            TIMEOUT.as_secs()
        );
    }
    let outcome = handover.wait(TIMEOUT).await;
    let _gone_already = std::fs::remove_file(&file);
    outcome.with_context(|| {
        format!("open {url} and sign in with the key of the scope query (`cistern keys{suffix}`)")
    })?;
    eprintln!("the console is open at {url}");
    Ok(())
}

/// Whether a program was found that opens the address: the one that `BROWSER` names, or the system's.
async fn start_browser(address: &str) -> bool {
    let own = std::env::var_os("BROWSER").filter(|name| !name.is_empty());
    let system = if cfg!(target_os = "macos") {
        "open"
    } else {
        "xdg-open"
    };
    let program = own.unwrap_or_else(|| system.into());
    let status = Command::new(program)
        .arg(address)
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn();
    match status {
        // A browser in the foreground runs as long as the person looks: only a quick failure says that there is none.
        Ok(mut child) => match tokio::time::timeout(Duration::from_secs(3), child.wait()).await {
            Ok(status) => status.is_ok_and(|status| status.success()),
            Err(_) => true,
        },
        Err(_) => false,
    }
}
