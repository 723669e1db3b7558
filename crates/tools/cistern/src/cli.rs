//! The commands and their options.

use std::process::ExitCode;

use anyhow::Result;
use clap::{CommandFactory as _, Parser, Subcommand};
use clap_complete::{Shell, generate};

use crate::{
    operator::{
        audit, backfill, cost, env, erase, events, forward, generate as samples, import, keys,
        logs, open, query, redrive, rejected, replay, send, senders, sql, status,
    },
    output::{ReaderGone, write_bytes},
    prove,
    stack::{down, exec, tools, up},
    table,
};

/// Runs Cistern on this machine, sends events to it, and operates deployed stacks.
#[derive(Debug, Parser)]
#[command(name = "cistern", version, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the local stack, or redeploy the running one
    #[command(
        long_about = "Builds the functions, deploys template.yaml into an AWS emulator beside a real Postgres, and serves \
                      all routes on one origin. A running stack is redeployed. If DATABASE_URL is set, that database is used \
                      instead of the bundled Postgres.",
        after_help = "Examples:\n  cistern up\n  cistern up --detach --port 8080\n  cistern up --data-dir .local/second"
    )]
    Up(up::Options),
    /// Show whether the stack responds, what its pipelines received, its queues and addresses
    #[command(
        long_about = "Shows whether the stack responds, its addresses, the messages in its queues, and for each pipeline what was \
                      received, stored and rejected in the last seven days, with the times of the last event and the last rejection. \
                      Counts that exist only as CloudWatch metrics are shown as -.",
        after_help = "Exit code 0 if the stack is up and healthy, 1 otherwise.\n\n\
                            Examples:\n  cistern status\n  cistern status --json | jq -r .stack.base_url\n  \
                      cistern status --stack cistern --since 24h"
    )]
    Status(status::Options),
    /// Stop what `cistern up` started, and nothing else
    #[command(after_help = "The data is kept for the next `cistern up`.\n\n\
                            Examples:\n  cistern down\n  cistern down --data-dir .local/second")]
    Down(down::Options),
    /// Print a stack's URLs and keys as shell variables
    #[command(
        long_about = "Prints `export` lines for a POSIX shell: URL, KEY (of searches), SPARKPOST_KEY, MPARTICLE_KEY, REPAIR_KEY, SQL_KEY, TRACK_KEY, \
                      PAGE_KEY and CONSOLE_URL; of the local stack also ITERABLE_URL and DATABASE_URL, of a deployed one MPARTICLE_URL. What a deployed \
                      stack does not have is left out.",
        after_help = "Examples:\n  eval \"$(cistern env)\"\n  eval \"$(cistern env --data-dir .local/second)\"\n  eval \"$(cistern env --stack mail)\""
    )]
    Env(env::Options),
    /// Run a command with the stack in its environment
    #[command(
        long_about = "Runs a command with DATABASE_URL, AWS_ENDPOINT_URL, AWS_REGION, credentials for the emulator and \
                      CISTERN_STACK_JSON set, and the programs of the bundled Postgres on PATH. If no stack is up, one is \
                      started for the command and stopped afterwards. The exit code is that of the command.",
        after_help = "Examples:\n  cistern exec -- sh -c 'psql \"$DATABASE_URL\"'\n  \
                      cistern exec --data-dir .local/test --fresh -- cargo test --workspace"
    )]
    Exec(exec::Options),
    /// Install the pinned tools that the local stack needs
    #[command(
        long_about = "Installs the pinned tools that the local stack needs into .local/tools and prints their paths. \
                      `cistern up` does this itself; once they are installed, it needs no network.",
        after_help = "Examples:\n  cistern tools\n  $(cistern tools --json | jq -r .sam) validate --lint"
    )]
    Tools(tools::Options),
    /// Post files like SparkPost, mParticle or a tracker
    #[command(
        long_about = "Posts each file like SparkPost, as one webhook batch. A file that ends in .gz is sent with \
                      Content-Encoding: gzip. The batch id is the hash of the file, so sending a file twice is a repeated \
                      delivery. Then waits until the local stack has loaded it, and prints how many of its events are stored and \
                      why others are rejected. With --mparticle, posts each file like mParticle, with --track like a tracker. \
                      Exits with 0 if everything is loaded, 1 if something was refused, 3 if events were rejected, 4 if \
                      something is not loaded in time.",
        after_help = "Examples:\n  cistern send events/sparkpost/*.json\n  \
                      cistern send --mparticle events/mparticle/one-screen-view.json\n  cistern send --track events/track/array.json\n  \
                      cistern send batch.json --url https://…/webhooks/sparkpost --key KEY"
    )]
    Send(send::Options),
    /// Post generated events
    #[command(subcommand)]
    Generate(samples::Command),
    /// Search email events
    #[command(
        long_about = "Searches the stored email events with the filters of the search API, newest first, and prints them as a table. \
                      Different filters must all match; of the values of one filter, any. Words match in any case and anywhere: \
                      `--campaign winter` finds winter-reading-2026. Times are in UTC.",
        after_help = "Examples:\n  cistern events --since 7d --recipient ada@example.com\n  \
                      cistern events --type bounce,out_of_band --since 30d --columns timestamp,rcpt_to,bounce_class,reason\n  \
                      cistern events --message-id 65f0c1d28a6931b7e04c --from 2026-01-01 -x\n  \
                      cistern events --campaign winter-reading --since 30d --csv winter.csv\n  \
                      cistern events --type click --follow\n  \
                      cistern events --type bounce --since 30d --json --limit 1000 | jq -r .reason | sort | uniq -c"
    )]
    Events(events::Options),
    /// Run the forwarder now, or show how app events would be forwarded
    #[command(
        long_about = "Runs the stack's forwarder now instead of on schedule, and prints its report. With --dry-run, \
                      sends nothing and needs no stack: shows the request of each event in the files, or why the event \
                      would not be sent. A file is a webhook body, one body per line, or an archived object of raw/mparticle/.",
        after_help = "Examples:\n  cistern forward\n  cistern forward --dry-run events/mparticle/purchase.json\n  \
                      cistern forward --dry-run batch.json --mapping mapping.json --json | jq .rejected"
    )]
    Forward(forward::Options),
    /// Query the lake with SQL
    #[command(
        long_about = "Runs one statement over the lake (tables product_events, email_events, app_events) and prints its result, \
                      the bytes read and their price. The SQL of a deployed stack (--stack) is Athena's, which runs it in the \
                      stack's workgroup and within its limit; the SQL of the local stack is DuckDB's, over the same tables and \
                      the same views that show each event once. The named queries (--list) run in both. `describe TABLE` lists \
                      columns and `explain SELECT …` shows the plan, in both. On a local stack the SQL is parsed before \
                      anything is copied, and only the tables that it names are copied.",
        after_help = "Examples:\n  cistern query \"select event, count(*) as n from product_events group by event\"\n  \
                      cistern query \"describe email_events\"\n  cistern query --list\n  cistern query --named top_events --stack cistern\n  \
                      cistern query --json \"select max(datetime) from product_events\" | jq -r '.rows[0][0]'"
    )]
    Query(query::Options),
    /// Query the database of email events with SQL
    #[command(
        long_about = "Runs one statement that only reads, over the stack's API, in the database of email events (tables email_events, \
                      batches, email_events_rejected). The SQL is Postgres', on a local and on a deployed stack; a deployed one needs \
                      EnableSql. At most 10,000 rows and ten seconds. `cistern query` asks the lake instead, which has the events of \
                      all pipelines.",
        after_help = "Examples:\n  cistern sql \"select type, count(*) from email_events group by type order by 2 desc\"\n  \
                      cistern sql \"select * from email_events order by ts desc limit 1\" -x\n  \
                      cistern sql - --csv < report.sql > report.csv"
    )]
    Sql(sql::Options),
    /// List what could not be used, show it, send it again or settle it
    #[command(
        subcommand,
        long_about = "Lists the items that were rejected, of all pipelines, newest first, each with its reason; or shows one with the item \
                      as it was received and what to do. After a fix, items are sent through their pipelines again; those about which \
                      nothing more is to be done are settled with a note."
    )]
    Rejected(rejected::Command),
    /// Compare what arrived on a day with what is stored, and name what is missing
    #[command(
        long_about = "Reads the raw objects of a day, and looks for every item of them in Postgres, in the lake and among the rejected \
                      items. Each side is counted by itself, so a difference shows. What is missing is named.",
        after_help = "Exit code 0 if both sides agree, 3 if they differ, 1 if that cannot be found out.\n\n\
                      Examples:\n  cistern audit\n  cistern audit --day 2026-01-31 --json | jq .report.findings\n  \
                      cistern audit --markdown --stack cistern > yesterday.md\n  cistern audit --send --stack cistern"
    )]
    Audit(audit::Options),
    /// Erase one person from everything that is stored, with a signed receipt
    #[command(
        long_about = "Searches one person in the raw objects, the database, the lake and everything else that the stack stores, and prints \
                      how many items there are by place. With --run the items are erased: raw objects and files of the lake are written \
                      again without them, rows are deleted, and what arrives of the person later is left out and counted. The person is \
                      found by the fields that name an item's owner, in every spelling; items of others that mention the person stay and \
                      are listed; with --deep they are erased too, and those others lose them. With --forget-at Iterable is asked to delete \
                      and block the person as well, with the key in ITERABLE_API_KEY. An erasure takes at least the time of two waits of 17 minutes, and goes on by itself when this \
                      command ends. The receipt says what was searched, found and changed, and what cannot be reached; it has no name.",
        after_help = "Exit code 0 if nothing of the person can remain, 3 if an object cannot be rewritten or searched, 5 if Iterable \
                      refused a name.\n\n\
                      Examples:\n  cistern erase --recipient jane@example.com --user u-1001\n  \
                      cistern erase --recipient jane@example.com --alias j.doe@example.com --run --receipt jane.json --stack cistern\n  \
                      cistern erase --recipient jane@example.com --deep --stack cistern\n  \
                      ITERABLE_API_KEY=… cistern erase --recipient jane@example.com --run --forget-at iterable-eu --stack cistern\n  \
                      cistern erase resume 20261130T120000-0a1b2c3d --stack cistern\n  \
                      cistern erase verify jane.json --recipient jane@example.com --alias j.doe@example.com --stack cistern"
    )]
    Erase(erase::Options),
    /// Open the console in a browser
    #[command(
        long_about = "Opens the console. On the local stack you are signed in: this command signs in with the key and hands the browser \
                      the session, through a page on 127.0.0.1 that is served once. The key itself is in no address, and the address of \
                      that page is in no list of processes. On a deployed stack the console asks for the key.",
        after_help = "Examples:\n  cistern open\n  cistern open --print\n  cistern open --stack cistern"
    )]
    Open(open::Options),
    /// Show what the functions log
    #[command(
        long_about = "Shows the log lines of one function, or of all, oldest first: the local stack's from the emulator, those of a \
                      deployed stack with the AWS CLI (`aws`), which has to be on PATH. --all also shows metrics and Lambda's own lines \
                      about each invocation.",
        after_help = "Examples:\n  cistern logs\n  cistern logs loader --follow\n  \
                      cistern logs --since 2h --level warn --stack cistern\n  \
                      cistern logs forwarder --json | jq -r .record.message"
    )]
    Logs(logs::Options),
    /// Process stored objects again
    #[command(
        long_about = "Has stored objects processed again: the loader loads them into Postgres, the archiver converts them to Parquet, or \
                      the forwarder sends the app events in them to their destination again, under the same ids. Batches that are \
                      loaded already are left out, and events that are stored already are unchanged, so replaying twice is safe. \
                      Then waits, and prints how many objects were processed and how many had been before, by what the functions \
                      recorded. Without --run it only prints what it would send.\n\n\
                      Whatever the rate, at most 200 notifications wait in the queue, so what arrives meanwhile is hardly delayed. An \
                      interrupted replay is continued by the same command, from a file in the data directory, or for --stack in \
                      ~/.local/state/cistern.\n\n\
                      Objects in the plain layout of older buckets (analytics_raw/YYYY/MM/DD/HH/) are included; the archiver \
                      accepts none from before its first day (LakeFirstDay). Exits with 3 if objects were rejected, 4 if some were \
                      not processed in time.",
        after_help = "Examples:\n  cistern replay raw/sparkpost/ --from 2026-01-01 --to 2026-02-01\n  \
                      cistern replay raw/sparkpost/ --rate 5 --run\n  \
                      cistern replay raw/track/ --from 2026-01-31T12:00:00Z --run\n  \
                      cistern replay raw/mparticle/dt=2026-01-31/ --into destination --run\n  \
                      cistern replay analytics_raw/2025/ --bucket old-analytics --stack cistern --run"
    )]
    Replay(replay::Options),
    /// Send dead letters back to their queues
    #[command(
        long_about = "Lists the messages of the stack's dead-letter queues: messages that failed too often. With --run it \
                      sends them back to their queues, where they are processed again; do so when the cause is gone, as otherwise they \
                      return. Each is deleted after it was sent, and events that are stored already are unchanged, so redriving \
                      twice is safe. Bodies are not shown, because app events have addresses.",
        after_help = "Examples:\n  cistern redrive\n  cistern redrive load --run\n  \
                      cistern redrive --message 3f1d6c3e-0f2b-4a5e-9c2d-1c7f0a6f4b11 --run\n  \
                      cistern redrive --stack cistern --json | jq -r '.messages[].about'"
    )]
    Redrive(redrive::Options),
    /// Fetch events that no webhook brought
    #[command(
        subcommand,
        long_about = "Fetches events that no webhook brought, such as those of an outage that lasted longer than the sender repeats them."
    )]
    Backfill(backfill::Command),
    /// Bring in events that are stored in files
    #[command(
        long_about = "Stores the events in files as raw objects, so that the stack loads and archives them: SparkPost's batches and answers \
                      of its Events API, mParticle's batches (its export to S3, for example) and raw objects of this archive, and any \
                      other JSON objects as product events. A file may be one JSON value or one per line, compressed by gzip or not, \
                      and is taken for what its items look like, or for what --as says. Prints what each file was taken for, how many \
                      items it has, and why the remaining items cannot be used. The same items are stored once, however often they are imported. \
                      App events are not sent to their destination; `cistern replay --into destination` does that. Exits with 3 if \
                      something cannot be used, 4 if email events are not loaded in time.",
        after_help = "Examples:\n  cistern import batches/ --dry-run\n  cistern import events-api-page.json old-events.ndjson.gz\n  \
                      cistern import export/ --as app --stack cistern --json"
    )]
    Import(import::Options),
    /// Print the key of each scope, or create new ones
    #[command(
        long_about = "Prints the key of each scope, which senders and clients present. `rotate` creates new keys.",
        after_help = "Examples:\n  cistern keys\n  cistern keys --stack cistern --json | jq -r .current.query\n  \
                      cistern keys rotate --stack cistern"
    )]
    Keys(keys::Options),
    /// Set up other senders of email events: list them, store and rotate their secrets, try them
    #[command(
        subcommand,
        long_about = "Sets up senders of email events other than SparkPost: lists them with the addresses for their webhooks, stores and \
                      rotates the secrets with which they prove their requests, and tries each with the event of its test button. \
                      Secrets are read from stdin, from a prompt or from a file, never from arguments."
    )]
    Senders(senders::Command),
    /// Compute what a month costs, by item
    #[command(
        long_about = "Computes the cost of a month in US dollars at list prices: what the stack uses for the given events, \
                      requests and queries, beside the design that product events follow, \"Hundreds of millions of events \
                      per month on the cheap\" by Mark Steele. The defaults are that design's month. This command also \
                      writes docs/cost.md, which explains the figures.",
        after_help = "Examples:\n  cistern cost\n  cistern cost --events 2B --events-per-request 10 --shape click\n  \
                      cistern cost --events 0 --email-events 5M --database small\n  \
                      cistern cost --json | jq .total_usd"
    )]
    Cost(cost::Options),
    /// Show that every acknowledged event is stored once, whatever fails
    #[command(
        long_about = "Starts a fresh local stack, sends events with known ids through all three pipelines, and meanwhile makes \
                      calls of S3, SQS, Firehose, Postgres, the gateway and the destination fail, kills processes of functions, \
                      repeats notifications and batches, and compacts days and months. Then waits until everything has come to rest \
                      and compares every id with every store. Exits with 1 if an acknowledged event is missing, is there twice, \
                      or if anything is there that nobody sent. docs/guarantees.md explains the result.",
        after_help = "Examples:\n  cistern prove\n  cistern prove --seed 7 --receipt receipt.json\n  \
                      cistern prove --email-events 200000 --app-events 50000 --product-events 200000 --faults 400 --kills 120"
    )]
    Prove(prove::Options),
    /// Print a script that completes commands and options in a shell
    #[command(after_help = "Examples:\n  source <(cistern completions bash)\n  \
                      cistern completions zsh > \"${fpath[1]}/_cistern\"\n  \
                      cistern completions fish > ~/.config/fish/completions/cistern.fish")]
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: Shell,
    },
}

/// Runs the command.
///
/// # Errors
/// The command failed.
pub async fn run(cli: Cli) -> Result<ExitCode> {
    match cli.command {
        Command::Up(options) => up::run(options).await?,
        Command::Status(options) => status::run(&options).await?,
        Command::Down(options) => down::run(&options).await?,
        Command::Env(options) => env::run(&options).await?,
        Command::Exec(options) => return exec::run(&options).await,
        Command::Tools(options) => tools::run(&options).await?,
        Command::Send(options) => return send::run(&options).await,
        Command::Generate(command) => samples::run(&command).await?,
        Command::Events(options) => events::run(&options).await?,
        Command::Forward(options) => forward::run(&options).await?,
        Command::Query(options) => query::run(&options).await?,
        Command::Logs(options) => logs::run(&options).await?,
        Command::Sql(options) => sql::run(&options).await?,
        Command::Rejected(command) => return rejected::run(&command).await,
        Command::Audit(options) => return audit::run(&options).await,
        Command::Erase(options) => return Box::pin(erase::run(&options)).await,
        Command::Open(options) => open::run(&options).await?,
        Command::Replay(options) => return replay::run(&options).await,
        Command::Redrive(options) => redrive::run(&options).await?,
        Command::Backfill(command) => return Box::pin(backfill::run(&command)).await,
        Command::Import(options) => return Box::pin(import::run(&options)).await,
        Command::Keys(options) => keys::run(&options).await?,
        Command::Senders(command) => senders::run(&command).await?,
        Command::Cost(options) => cost::run(&options)?,
        Command::Prove(options) => return Box::pin(prove::run(&options)).await,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            generate(shell, &mut Cli::command(), "cistern", &mut script);
            write_bytes(&script)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// An error with its causes, safe to print on a terminal.
pub fn printable_error(error: &anyhow::Error) -> String {
    table::printable_lines(&format!("{error:#}"))
}

/// Whether the program ends because nobody reads its output any more.
pub fn is_reader_gone(error: &anyhow::Error) -> bool {
    error.is::<ReaderGone>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_gets_a_script_that_names_every_command() {
        let names: Vec<String> = Cli::command()
            .get_subcommands()
            .map(|command| command.get_name().to_owned())
            .collect();
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let mut script = Vec::new();
            generate(shell, &mut Cli::command(), "cistern", &mut script);
            let script = String::from_utf8(script).unwrap();

            for name in &names {
                assert!(script.contains(name.as_str()), "{shell}: {name}");
            }
        }
    }

    /// Later times than the clock can add are refused by the option's name.
    #[test]
    fn options_that_are_times_have_a_limit() {
        let largest = u64::MAX.to_string();
        for (command, option) in [
            ("audit", "--settle"),
            ("query", "--reuse-minutes"),
            ("replay", "--wait"),
            ("import", "--wait"),
            ("send", "--wait"),
            ("senders test resend", "--wait"),
            ("backfill sparkpost", "--wait"),
        ] {
            let words = ["cistern"].into_iter().chain(command.split(' '));
            let parsed = Cli::try_parse_from(words.chain([option, largest.as_str()]));

            let error = parsed.unwrap_err();
            assert_eq!(
                error.kind(),
                clap::error::ErrorKind::ValueValidation,
                "{command}"
            );
            assert!(error.to_string().contains(option), "{error}");
        }
    }

    #[test]
    fn days_at_the_ends_of_the_calendar_are_refused() {
        for (day, is_right) in [
            ("2026-01-31", true),
            ("1970-01-01", true),
            ("0000-01-01", false),
            ("9999-12-31", false),
            ("2026-02-30", false),
        ] {
            let parsed = Cli::try_parse_from(["cistern", "audit", "--day", day]);
            assert_eq!(parsed.is_ok(), is_right, "{day}");
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
