"""Does a job, and tells its end."""

from __future__ import annotations

from openmogr.api.jobs.callback import Callback, send_callback
from openmogr.api.jobs.documents import callback_document, node_text
from openmogr.api.persistent import process_in_background, processed_nodes
from openmogr.api.pic_operations import PicOperations, Rule
from openmogr.api.services import Services
from openmogr.api.styles import parsed_with_styles
from openmogr.jobs import Job, Outcome

__all__ = ["do_job", "tell_end"]


async def do_job(services: Services, job: Job) -> Outcome:
    """Process and store. Raises whatever keeps it from that."""
    request = job.request
    rules: tuple[Rule, ...] = ()
    if request.rule:
        pipeline = await parsed_with_styles(services, job.bucket, request.rule)
        rules = (Rule(request.bucket, request.output, pipeline),)
    operations = PicOperations(request.is_pic_info, rules)
    done = await process_in_background(services, job.bucket, request.object, operations)
    regions = {
        name: (await services.storage.head_bucket(name)).region
        for name in {job.bucket, request.bucket} - {""}
    }
    result = processed_nodes(done, lambda bucket, key: f"{bucket}.cos.{regions[bucket]}.myqcloud.com/{key}")
    return Outcome("Success", result=node_text(result))


async def tell_end(services: Services, job: Job) -> None:
    """Call whoever wants to know. Raises ``CallbackError`` or ``InvalidArgument``."""
    if not job.request.callback:
        return
    settings = services.jobs.settings
    # The list of hosts may have changed since.
    callback = Callback.checked(job.request.callback, settings)
    region = (await services.storage.head_bucket(job.bucket)).region
    body, content_type = callback_document(job, region)
    await send_callback(callback, body, content_type, settings)
