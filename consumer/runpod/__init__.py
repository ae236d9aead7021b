"""Jobs from RunPod Serverless."""
