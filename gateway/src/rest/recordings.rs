//! `/recordings`: the files to which calls were recorded.

use std::fs;
use std::path::{Path, PathBuf};

use actix_files::NamedFile;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    CacheControl, CacheDirective, ContentDisposition, DispositionParam, DispositionType,
};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use tracing::info;
use utoipa::ToSchema;

use super::answers::Unknown;
use super::caller::Caller;
use super::calls::belonging::Share;
use super::calls::{Calls, Lasting};
use super::keys::ApiKey;
use super::page::{ListQuery, Page};
use super::problem::Problem;
use super::scope::Scope;
use super::told;

/// Where recordings are; nowhere, where no calls are recorded.
#[derive(Debug, Clone, Default)]
pub struct Recordings(pub Option<PathBuf>);

/// A recording.
#[derive(Debug, Serialize, ToSchema)]
pub struct Recording {
    /// Its name.
    pub name: String,
    /// The call.
    pub call: String,
    /// How long the file is, in octets.
    pub octets: u64,
}

/// Tells the recordings of calls that were over of late, the latest first.
#[utoipa::path(get, path = "/recordings", tag = "recordings", operation_id = "listRecordings", params(ListQuery),
    responses((status = 200, description = "A page of recordings", body = Page<Recording>)),
    security(("api_key" = ["recordings:read"])))]
pub async fn list(
    caller: Caller,
    calls: web::Data<Calls>,
    recordings: web::Data<Recordings>,
    query: web::Query<ListQuery>,
) -> Result<HttpResponse, Problem> {
    caller.may(Scope::RecordingsRead)?;
    let page = query.into_inner().page()?;
    let Some(folder) = recordings.0.clone() else {
        return Ok(told(StatusCode::OK).json(Page::<Recording>::none()));
    };
    let whole = calls.all(&caller.0, Some(Lasting::Ended)).filter(|seen| seen.share.is_whole());
    let records: Vec<_> = whole.map(|seen| seen.record).collect();
    // A disk may take its time.
    let page = web::block(move || {
        let each = records
            .iter()
            .flat_map(|record| record.recordings.iter().map(|path| (record.id.to_string(), name_of(path))));
        let there = each.filter_map(|(call, name)| {
            let octets = fs::symlink_metadata(folder.join(&name)).ok().filter(fs::Metadata::is_file)?.len();
            Some((format!("{call} {name}"), Recording { name, call, octets }))
        });
        page.of(there, |name, last| name < last)
    });
    Ok(told(StatusCode::OK).json(page.await.map_err(Problem::no_room)?))
}

/// Hands a recording over: WAV or Ogg, whole or by ranges (RFC 9110 14).
#[utoipa::path(get, path = "/recordings/{id}", tag = "recordings", operation_id = "readRecording",
    params(("id" = String, Path, description = "The recording's name")),
    responses((status = 200, description = "The file", content(([u8] = "audio/wav"), ([u8] = "audio/ogg"))),
        (status = 206, description = "The range that was asked for",
            content(([u8] = "audio/wav"), ([u8] = "audio/ogg"))),
        Unknown,
        (status = 416, description = "The file has no such range")),
    security(("api_key" = ["recordings:read"])))]
pub async fn one(
    caller: Caller,
    calls: web::Data<Calls>,
    recordings: web::Data<Recordings>,
    name: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    caller.may(Scope::RecordingsRead)?;
    let (path, _) = recordings.find(&calls, &caller.0, &name)?;
    let name = name.into_inner();
    let opened = web::block(move || NamedFile::open(path)).await.map_err(Problem::no_room)?;
    let disposition = ContentDisposition {
        disposition: DispositionType::Attachment,
        parameters: vec![DispositionParam::Filename(name.clone())],
    };
    let file = opened.map_err(|_| missing())?.set_content_disposition(disposition);
    info!(key = caller.0.id, name, "recording is fetched by an API key");
    let mut answer = file.into_response(&request);
    if let Ok((name, value)) =
        actix_web::http::header::TryIntoHeaderPair::try_into_pair(CacheControl(vec![CacheDirective::NoStore]))
    {
        answer.headers_mut().insert(name, value);
    }
    Ok(answer)
}

/// Removes a recording for ever. The call's record tells of it all the same.
#[utoipa::path(delete, path = "/recordings/{id}", tag = "recordings", operation_id = "removeRecording",
    params(("id" = String, Path, description = "The recording's name")),
    responses((status = 204, description = "It is gone"),
        (status = 403, description = "The recording is another customer's too", body = Problem,
            content_type = "application/problem+json"),
        Unknown),
    security(("api_key" = ["recordings:delete"])))]
pub async fn remove(
    caller: Caller,
    calls: web::Data<Calls>,
    recordings: web::Data<Recordings>,
    name: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    caller.may(Scope::RecordingsDelete)?;
    let (path, share) = recordings.find(&calls, &caller.0, &name)?;
    if share != Share::Sole {
        return Err(Problem::not_own("the recording is another customer's too; the operator removes it"));
    }
    let removed = web::block(move || fs::remove_file(path)).await.map_err(Problem::no_room)?;
    removed.map_err(|_| missing())?;
    info!(key = caller.0.id, name = *name, "recording is removed by an API key");
    Ok(told(StatusCode::NO_CONTENT).finish())
}

impl Recordings {
    /// The file of a recording that a key may know of, and whose it is: of a call that is over, which the journal still has. The operator's
    /// keys know of all that are in the folder.
    fn find(&self, calls: &Calls, key: &ApiKey, name: &str) -> Result<(PathBuf, Share), Problem> {
        let folder = self.0.as_deref().filter(|_| is_name(name)).ok_or_else(missing)?;
        let share_of = |lasting| {
            let whole = calls.all(key, Some(lasting)).filter(|seen| seen.share.is_whole());
            let mut own = whole.flat_map(|seen| {
                seen.record.recordings.iter().map(|path| (name_of(path), seen.share)).collect::<Vec<_>>()
            });
            own.find(|(known, _)| known == name).map(|(_, share)| share)
        };
        let is_operators = || key.customer.is_none() && share_of(Lasting::Running).is_none();
        let share = share_of(Lasting::Ended).or_else(|| is_operators().then_some(Share::Sole));
        let path = folder.join(name);
        let is_file = || fs::symlink_metadata(&path).is_ok_and(|it| it.is_file());
        share.filter(|_| is_file()).map(|share| (path, share)).ok_or_else(missing)
    }
}

/// The name of a recording's file.
#[must_use]
pub fn name_of(path: &str) -> String {
    Path::new(path).file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Whether it can be the name of a recording: of a file that is right in the folder.
fn is_name(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let is_recording = [".wav", ".ogg", ".opus"].iter().any(|end| text.ends_with(end));
    is_recording && !text.starts_with('.') && text.bytes().all(is_allowed)
}

fn missing() -> Problem {
    Problem::not_found("there is no such recording, or its call is not over")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_is_a_file_right_in_the_folder_alone() {
        assert!(is_name("20261128T090004.010Z-call-7.wav"));
        for wrong in
            ["../w.wav", "a/b.wav", "/etc/passwd", "w.toml", ".wav", ".hidden.wav", "a\\b.wav", "a\0.wav", ""]
        {
            assert!(!is_name(wrong), "{wrong:?}");
        }
        assert_eq!(name_of("/var/lib/webtrunk/recordings/a.wav"), "a.wav");
    }
}
