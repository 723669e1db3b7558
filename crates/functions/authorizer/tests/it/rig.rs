//! The function, with its own secret.

use std::{
    hash::{BuildHasher, RandomState},
    time::{Duration, SystemTime},
};

use authorizer::{
    AccessDecision, AuthorizerRequest, Deps, KeyCache, KeysError, Networks, Scope, authorize,
    keys::KeyDocument,
};
use aws_io::{Aws, SecretsClient};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

pub(crate) const MAX_KEY_AGE: Duration = Duration::from_mins(5);
pub(crate) const QUERY_ROUTE: &str = "ANY /api/v1/{proxy+}";
pub(crate) const SPARKPOST_ROUTE: &str = "POST /webhooks/sparkpost";

pub(crate) struct Rig {
    pub(crate) deps: Deps,
    secrets: SecretsClient,
    secret_id: String,
}

impl Rig {
    pub(crate) async fn with_secret(document: &str) -> Self {
        let url = std::env::var("AWS_ENDPOINT_URL").expect(
            "AWS_ENDPOINT_URL must name a local AWS endpoint; `make test` starts one and sets it",
        );
        let rig = Self::without_secret(&url).await;
        rig.secrets
            .create_secret()
            .name(&rig.secret_id)
            .secret_string(document)
            .send()
            .await
            .unwrap();
        rig
    }

    pub(crate) async fn without_secret(endpoint_url: &str) -> Self {
        let secrets = Aws::local(endpoint_url).await.secrets();
        let secret_id = format!("authorizer-{:016x}", RandomState::new().hash_one(0));
        let keys = KeyCache::new(secrets.clone(), secret_id.clone(), MAX_KEY_AGE);
        Self {
            deps: Deps {
                keys,
                sparkpost_networks: Networks::default(),
                clock: SystemTime::now,
            },
            secrets,
            secret_id,
        }
    }

    pub(crate) async fn rotate(&self, document: &str) {
        self.secrets
            .put_secret_value()
            .secret_id(&self.secret_id)
            .secret_string(document)
            .send()
            .await
            .unwrap();
    }

    pub(crate) async fn delete_secret(&self) {
        let delete = self
            .secrets
            .delete_secret()
            .secret_id(&self.secret_id)
            .force_delete_without_recovery(true);
        delete.send().await.unwrap();
    }

    /// Whether `authorization` grants `route`, this many seconds after the start.
    pub(crate) async fn opens(
        &self,
        route: &str,
        authorization: &str,
        at_seconds: u64,
    ) -> Result<bool, KeysError> {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 + at_seconds);
        let answer = authorize(&self.deps, &request(route, authorization), now).await?;
        Ok(answer
            == AccessDecision::Simple {
                is_authorized: true,
            })
    }
}

pub(crate) fn request(route: &str, authorization: &str) -> AuthorizerRequest {
    serde_json::from_value(
        json!({ "type": "REQUEST", "routeKey": route, "headers": { "authorization": authorization } }),
    )
    .unwrap()
}

pub(crate) fn made_key(document: &str, scope: Scope) -> String {
    KeyDocument::parse(&SecretString::from(document))
        .unwrap()
        .key(scope)
        .expose_secret()
        .to_owned()
}
