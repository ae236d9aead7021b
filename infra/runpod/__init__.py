"""Makes a serverless endpoint or a pod at RunPod from the templates in this folder."""
