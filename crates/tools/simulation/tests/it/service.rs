//! What calls do to the bucket and the queues.

use std::fmt::Write as _;

use time::format_description::well_known::{Rfc2822, Rfc3339};

use crate::{
    bucket::{Condition, Object, Refused},
    call::{Call, Reply},
    clock, item,
    world::State,
};

/// What the secret with the keys has.
const SECRET: &str = r#"{"ARN":"arn","Name":"keys","SecretString":"{\"signing_key\":\"secret\",\"sparkpost\":\"the key\",\"senders\":{}}"}"#;

impl State {
    /// The effect of a call, and the response.
    pub(crate) fn apply(&mut self, call: &Call) -> Reply {
        match call {
            Call::Get { key } => match self.bucket.get(key) {
                Some(object) => found(object),
                None => Reply::error(call, 404, "NoSuchKey"),
            },
            Call::Put {
                key,
                body,
                condition,
                metadata,
            } => {
                let put =
                    self.bucket
                        .put(key, body.clone(), metadata.clone(), condition, clock::now());
                match put {
                    Ok(etag) => {
                        if item::is_archived(key) {
                            self.notify(key);
                        }
                        Reply::new(200, "").with("etag", format!("\"{etag}\""))
                    }
                    Err(Refused::PreconditionFailed) => {
                        Reply::error(call, 412, "PreconditionFailed")
                    }
                    Err(Refused::NoSuchKey) => Reply::error(call, 404, "NoSuchKey"),
                }
            }
            Call::Copy { from, to } => match self.bucket.get(from).cloned() {
                Some(object) => {
                    let Object { body, metadata, .. } = object;
                    let put =
                        self.bucket
                            .put(to, body, metadata, &Condition::Anything, clock::now());
                    let etag = put.expect("nothing is expected of the object");
                    Reply::new(
                        200,
                        format!("<CopyObjectResult><ETag>\"{etag}\"</ETag></CopyObjectResult>"),
                    )
                }
                None => Reply::error(call, 404, "NoSuchKey"),
            },
            Call::Delete { keys } => {
                for key in keys {
                    if let Some(object) = self.bucket.delete(key) {
                        self.invariants.note_deleted(key, object);
                    }
                }
                Reply::new(200, "<DeleteResult></DeleteResult>")
            }
            Call::List { prefix, after } => self.list(prefix, after),
            Call::Sqs { action, request } => self.apply_sqs(action, request),
            Call::Secret => Reply::new(200, SECRET),
        }
    }

    fn list(&self, prefix: &str, after: &str) -> Reply {
        let page = self.bucket.page(prefix, after, self.page_size);
        let mut xml = format!(
            "<ListBucketResult><IsTruncated>{}</IsTruncated>",
            page.is_truncated
        );
        for (key, object) in &page.objects {
            let modified = object.modified.format(&Rfc3339).unwrap();
            write!(
                xml,
                "<Contents><Key>{key}</Key><Size>{}</Size><LastModified>{modified}</LastModified></Contents>",
                object.body.len(),
            )
            .unwrap();
        }
        if page.is_truncated
            && let Some((last, _)) = page.objects.last()
        {
            write!(xml, "<NextContinuationToken>{last}</NextContinuationToken>").unwrap();
        }
        xml.push_str("</ListBucketResult>");
        Reply::new(200, xml)
    }
}

fn found(object: &Object) -> Reply {
    let modified = object
        .modified
        .format(&Rfc2822)
        .unwrap()
        .replace("+0000", "GMT");
    let mut reply = Reply::new(200, object.body.clone())
        .with("etag", format!("\"{}\"", object.etag))
        .with("last-modified", modified);
    for (name, value) in &object.metadata {
        reply = reply.with(name, value);
    }
    reply
}
