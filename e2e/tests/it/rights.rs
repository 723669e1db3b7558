//! Calls that a role does not allow are refused. Uses a separate stack, so that no other test is refused.

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::process::Command;

use crate::aws::root;
use crate::deployments::ensure_success;
use crate::function::Function;
use crate::logs::log_lines;
use crate::neighbour::Neighbour;
use crate::stack::{ARRIVAL, Stack, eventually, fresh_id, repository_root};
use crate::visibility::with_visibility;

/// The visibility timeout of a deferred notification.
const VISIBILITY_SECONDS: u32 = 10;

fn delivery(id: &str) -> Vec<u8> {
    format!(r#"[{{"msys":{{"message_event":{{"type":"delivery","event_id":"{id}","timestamp":"1790000000"}}}}}}]"#)
        .into_bytes()
}

/// The check of `make test` on the recorded calls of a run.
#[tokio::test]
async fn every_action_taken_out_of_the_template_is_missed() -> Result<()> {
    let root = repository_root();
    let output = Command::new(root.join(".local/tools/clients/rights/bin/python"))
        .arg(root.join("e2e/rights/test_rights.py"))
        .output()
        .await
        .context("the Python that .ci/test-tools installs")?;
    ensure_success(&output)
}

#[tokio::test]
async fn function_whose_role_lost_its_policies_is_refused_until_they_are_back() -> Result<()> {
    let (home, _weather) = Stack::shared().await?;
    let neighbour = Neighbour::deploy(
        &home,
        "without-policies",
        &[("EnableForwarder", "false"), ("EnableAnalytics", "false")],
    )
    .await?;
    let stack = &neighbour.stack;
    let checks = async {
        ingest_is_refused(stack).await?;
        let queue = &stack.file.queues.load;
        let refused = Box::pin(loader_is_refused(stack));
        Box::pin(with_visibility(stack, queue, VISIBILITY_SECONDS, refused)).await
    };
    let outcome = Box::pin(checks).await;
    neighbour.remove().await?;
    outcome
}

/// Ingest may not store: a sender is asked to retry, and nothing is acknowledged.
async fn ingest_is_refused(stack: &Stack) -> Result<()> {
    let role = Role::of(stack, "ingest").await?;
    let id = fresh_id("refused");

    let policies = role.take_policies().await?;
    let while_away = stack.post_batch(&id, delivery(&id)).await;
    role.give_policies(&policies).await?;

    let while_away = while_away?;
    ensure!(while_away == 503, "the webhook answered {while_away}");
    ensure!(stack.keys_under("raw/").await?.is_empty(), "it was stored");
    let after = stack.deliver(&id, delivery(&id)).await?;
    ensure!(after.inserted == 1, "the retry is stored: {after:?}");
    Ok(())
}

/// Loader may not read: the notification is deferred, and loaded later.
async fn loader_is_refused(stack: &Stack) -> Result<()> {
    let role = Role::of(stack, "loader").await?;
    let log_group = Function::named(stack, "loader")?.log_group().await?;
    let id = fresh_id("put-off");

    let policies = role.take_policies().await?;
    let put_off = async {
        let status = stack.post_batch(&id, delivery(&id)).await?;
        ensure!(status == 200, "the webhook answered {status}");
        eventually("the loader to be refused", ARRIVAL, async || {
            let lines = log_lines(stack, &log_group).await?;
            let is_refused =
                |line: &String| line.contains("not authorized to perform: s3:GetObject");
            Ok(lines.iter().any(is_refused).then_some(()))
        })
        .await?;
        let loaded: i64 =
            sqlx::query_scalar("select count(*) from batches where batch_key like $1 || '-%'")
                .bind(&id)
                .fetch_one(&stack.db)
                .await?;
        ensure!(loaded == 0, "it was loaded nevertheless");
        Ok(())
    }
    .await;
    role.give_policies(&policies).await?;

    put_off?;
    let after = stack.accounts_of(&id).await?;
    ensure!(after.inserted == 1, "{after:?}");
    let dead = stack.queue_depth(&stack.file.queues.load_dlq).await?;
    ensure!(dead == 0, "{dead} notifications went to the DLQ");
    Ok(())
}

/// The role of a function.
struct Role<'a> {
    stack: &'a Stack,
    name: String,
}

/// Policies by name, in IAM's encoding.
type Policies = Vec<(String, String)>;

impl<'a> Role<'a> {
    async fn of(stack: &'a Stack, crate_name: &str) -> Result<Self> {
        let configuration: Value = Function::named(stack, crate_name)?.configuration().await?;
        let arn = configuration["Role"].as_str().context("a role")?;
        let (_, name) = arn.rsplit_once('/').context("the role's name")?;
        Ok(Self {
            stack,
            name: name.to_owned(),
        })
    }

    /// Removes all policies of the template, and restores them.
    async fn take_policies(&self) -> Result<Policies> {
        let list = self.ask("ListRolePolicies", "").await?;
        let mut policies = Vec::new();
        for name in elements(&list, "member") {
            let policy = self
                .ask("GetRolePolicy", &format!("&PolicyName={name}"))
                .await?;
            let document = elements(&policy, "PolicyDocument")
                .next()
                .context("a document")?;
            policies.push((name.to_owned(), document.to_owned()));
        }
        ensure!(!policies.is_empty(), "{} has no policies", self.name);
        for (name, _) in &policies {
            self.ask("DeleteRolePolicy", &format!("&PolicyName={name}"))
                .await?;
        }
        Ok(policies)
    }

    async fn give_policies(&self, policies: &Policies) -> Result<()> {
        for (name, document) in policies {
            let parameters = format!("&PolicyName={name}&PolicyDocument={document}");
            self.ask("PutRolePolicy", &parameters).await?;
        }
        Ok(())
    }

    async fn ask(&self, action: &str, parameters: &str) -> Result<String> {
        let role = &self.name;
        let answer = self
            .stack
            .http
            .post(&self.stack.file.aws_endpoint_url)
            .header("authorization", root(&self.stack.file, "iam"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!(
                "Action={action}&Version=2010-05-08&RoleName={role}{parameters}"
            ))
            .send()
            .await?;
        let (status, text) = (answer.status(), answer.text().await?);
        ensure!(status.is_success(), "{action}: {status} {text}");
        Ok(text)
    }
}

/// The content of each XML element of a name.
fn elements<'a>(xml: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let (opening, closing) = (format!("<{name}>"), format!("</{name}>"));
    xml.split(&opening)
        .skip(1)
        .filter_map(|rest| rest.split(&closing).next())
        .collect::<Vec<_>>()
        .into_iter()
}
