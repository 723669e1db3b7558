//! The token that RDS accepts as a password: the signed query of a request that is never sent.
//! <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.html>

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{
        SignableBody, SignableRequest, SignatureLocation, SigningError, SigningSettings, sign,
    },
    sign::v4,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};

use crate::StoreError;

/// The maximum age that RDS accepts.
const LIFETIME: Duration = Duration::from_mins(15);
/// The name of RDS's login service in a signature.
const SERVICE: &str = "rds-db";
/// Characters that need no escape in a signed query.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// The credentials of the process's role, and its region.
#[derive(Debug)]
pub(crate) struct RoleCredentials {
    pub(crate) region: String,
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: SecretString,
    pub(crate) session_token: Option<SecretString>,
}

impl RoleCredentials {
    /// Reads the variables that Lambda sets for a function's role.
    pub(crate) fn from_variables(
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, StoreError> {
        let required = |variable| lookup(variable).ok_or(StoreError::RoleCredentials { variable });
        Ok(Self {
            region: required("AWS_REGION")?,
            access_key_id: required("AWS_ACCESS_KEY_ID")?,
            secret_access_key: SecretString::from(required("AWS_SECRET_ACCESS_KEY")?),
            session_token: lookup("AWS_SESSION_TOKEN").map(SecretString::from),
        })
    }

    fn to_credentials(&self) -> Credentials {
        let session_token = self.session_token.as_ref();
        Credentials::new(
            &self.access_key_id,
            self.secret_access_key.expose_secret(),
            session_token.map(|token| token.expose_secret().to_owned()),
            None,
            "environment",
        )
    }
}

/// The token for `user` at `host`, valid from `now` on.
pub(crate) fn token(
    role: &RoleCredentials,
    host: &str,
    port: u16,
    user: &str,
    now: SystemTime,
) -> Result<SecretString, StoreError> {
    signed_query(role, host, port, user, now).map_err(StoreError::Token)
}

fn signed_query(
    role: &RoleCredentials,
    host: &str,
    port: u16,
    user: &str,
    now: SystemTime,
) -> Result<SecretString, SigningError> {
    let user = utf8_percent_encode(user, QUERY);
    let mut token = format!("{host}:{port}/?Action=connect&DBUser={user}");

    let mut settings = SigningSettings::default();
    settings.expires_in = Some(LIFETIME);
    settings.signature_location = SignatureLocation::QueryParams;
    let identity = role.to_credentials().into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(&role.region)
        .name(SERVICE)
        .time(now)
        .settings(settings)
        .build()
        .expect("every parameter of a signature is given")
        .into();
    let request = SignableRequest::new(
        "GET",
        format!("https://{token}"),
        std::iter::empty(),
        SignableBody::Bytes(&[]),
    )?;
    let (instructions, _) = sign(request, &params)?.into_parts();

    for (name, value) in instructions.params() {
        token.push('&');
        token.push_str(name);
        token.push('=');
        token.extend(utf8_percent_encode(value, QUERY));
    }
    Ok(SecretString::from(token))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// 2016-11-07T17:39:33Z.
    const NOW: Duration = Duration::from_secs(1_478_540_373);

    fn role(session_token: Option<&str>) -> RoleCredentials {
        RoleCredentials {
            region: "us-east-1".to_owned(),
            access_key_id: "akid".to_owned(),
            secret_access_key: SecretString::from("skid"),
            session_token: session_token.map(SecretString::from),
        }
    }

    fn parts(token: &str) -> BTreeSet<&str> {
        token.split('&').collect()
    }

    fn signed(role: &RoleCredentials, host: &str, port: u16, user: &str) -> String {
        let token = token(role, host, port, user, SystemTime::UNIX_EPOCH + NOW).unwrap();
        token.expose_secret().to_owned()
    }

    /// The output of botocore's `generate_db_auth_token` for the same parameters.
    #[test]
    fn token_is_that_of_the_aws_command_line() {
        let host = "prod-instance.us-east-1.rds.amazonaws.com";

        assert_eq!(
            parts(&signed(&role(None), host, 3306, "mySQLUser")),
            parts(
                "prod-instance.us-east-1.rds.amazonaws.com:3306/?Action=connect&DBUser=mySQLUser\
                 &X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20161107T173933Z&X-Amz-SignedHeaders=host\
                 &X-Amz-Expires=900&X-Amz-Credential=akid%2F20161107%2Fus-east-1%2Frds-db%2Faws4_request\
                 &X-Amz-Signature=c22b65b4b0d7e441e26a586a93cc3f01d5d14a4ff20cf608d38214c60046879f"
            )
        );
        assert_eq!(
            parts(&signed(
                &role(Some("t/k+n==")),
                host,
                5432,
                "cistern_loader"
            )),
            parts(SESSION)
        );
    }

    const SESSION: &str = "prod-instance.us-east-1.rds.amazonaws.com:5432/?Action=connect&DBUser=cistern_loader\
        &X-Amz-Algorithm=AWS4-HMAC-SHA256\
        &X-Amz-Credential=akid%2F20161107%2Fus-east-1%2Frds-db%2Faws4_request&X-Amz-Date=20161107T173933Z\
        &X-Amz-Expires=900&X-Amz-SignedHeaders=host&X-Amz-Security-Token=t%2Fk%2Bn%3D%3D\
        &X-Amz-Signature=8d6aa3e34b96e02684ea73aba51447457b371bf0ffe2748d9ef4fb8c91b7aa80";

    #[test]
    fn missing_credentials_are_named() {
        let error = RoleCredentials::from_variables(|name| {
            (name == "AWS_REGION").then(|| "us-east-1".to_owned())
        })
        .unwrap_err();

        assert!(error.to_string().contains("AWS_ACCESS_KEY_ID"), "{error}");
    }
}
