"""Every active run of a job: one cancellation each, begun and looked at by an orchestration of the job's own."""
