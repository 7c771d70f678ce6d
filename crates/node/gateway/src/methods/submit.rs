//! What is signed and handed in.

use super::Serve;
use access::{BadSignature, Invalid};
use replica::{Node, Rejected, Source, SubmitFailure};
use rpc::{Bytes, Error, SignatureReport, SubmitParams, Submitted};

impl Serve for SubmitParams {
    async fn serve(self, node: &Node, source: Source) -> Result<Vec<Submitted>, Error> {
        let submissions = self.submissions.into_iter().map(|Bytes(submission)| submission);
        let answers = node.submit_from(source, submissions.collect());
        let told = answers.into_iter().map(|answer| match answer {
            Ok(name) => Submitted::Taken { name: name.into() },
            Err(error) => {
                Submitted::Refused { refused: error.to_string(), signature: signature(&error) }
            }
        });
        Ok(told.collect())
    }
}

/// Returns, of a bad signature, all that a client needs to find out what it signed.
///
/// spec 0027-ACC-009.
fn signature(error: &SubmitFailure) -> Option<SignatureReport> {
    let SubmitFailure::Rejected(Rejected::Invalid(Invalid::Signature(bad))) = error else {
        return None;
    };
    Some(match bad.as_ref() {
        BadSignature::Owner { owner, recovered, domain, structure, digest, kind } => {
            SignatureReport::Owner {
                owner: (*owner).into(),
                recovered: recovered.map(Into::into),
                digest: (*digest).into(),
                domain_separator: (*domain).into(),
                struct_hash: (*structure).into(),
                kind: kind.to_string(),
            }
        }
        BadSignature::Session { key, digest } => {
            SignatureReport::Session { session_key: (*key).into(), digest: (*digest).into() }
        }
    })
}
